-- What some people traded since an instant, and what a partner's lines on it come to.
SELECT t.client_id, count(*) AS trades, sum(t.volume_lots) AS lots, coalesce(sum(e.amount), 0) AS earned
FROM closed_trade AS t
LEFT JOIN LATERAL (
  SELECT sum(l.amount) AS amount FROM commission_line AS l
  WHERE l.tenant_id = :tenant_id AND l.partner_id = :partner_id AND l.trade_id = t.id
) AS e ON true
WHERE t.tenant_id = :tenant_id AND t.client_id = ANY (CAST(:clients AS uuid[])) AND t.closed_at >= :since
  AND t.deleted_at IS NULL AND NOT t.is_demo
GROUP BY t.client_id
