-- Clients with lines of this day for positions that were open for less than the minimum.
SELECT s.client_id, count(*) AS trades, sum(t.volume_lots) AS lots
FROM settled_trade AS s
JOIN closed_trade AS t
  ON t.tenant_id = s.tenant_id AND t.id = s.trade_id AND t.closed_at >= :closed_from AND t.closed_at <= :closed_to
JOIN trading_account AS a ON a.tenant_id = t.tenant_id AND a.id = t.account_id
WHERE s.tenant_id = :tenant_id AND s.business_date = :business_date
  AND t.closed_at - t.opened_at < CAST(:min_hold AS interval)
  AND NOT t.reason = ANY (CAST(:exempt_from_hold AS text[]))
  AND NOT a.group_name = ANY (CAST(:exempt_hold_groups AS text[]))
  AND (cardinality(s.referral_gates) = 0 OR cardinality(s.god_gates) = 0)
GROUP BY s.client_id
ORDER BY s.client_id
