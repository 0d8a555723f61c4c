-- Clients most of whose lots in the window ended about where they had begun.
SELECT d.client_id, sum(d.trades) AS trades, sum(d.lots) AS lots, sum(d.empty_lots) AS empty_lots
FROM client_day AS d
WHERE d.tenant_id = :tenant_id AND d.business_date > :window_from AND d.business_date <= :business_date
GROUP BY d.client_id
HAVING sum(d.trades) >= :trades_min AND sum(d.empty_lots) > :share_above * sum(d.lots)
ORDER BY d.client_id
