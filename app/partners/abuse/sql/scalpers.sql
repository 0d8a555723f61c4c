-- Clients too many of whose trades or lots in the window were short.
SELECT d.client_id, sum(d.trades) AS trades, sum(d.short_trades) AS short_trades, sum(d.lots) AS lots,
  sum(d.short_lots) AS short_lots
FROM client_day AS d
WHERE d.tenant_id = :tenant_id AND d.business_date > :window_from AND d.business_date <= :business_date
GROUP BY d.client_id
HAVING sum(d.trades) >= :trades_min
  AND (sum(d.short_trades) > :share_above * sum(d.trades) OR sum(d.short_lots) > :share_above * sum(d.lots))
ORDER BY d.client_id
