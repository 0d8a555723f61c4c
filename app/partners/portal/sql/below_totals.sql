-- Below each of some people: how many there are, what they traded since an instant, and what a partner's lines on it
-- come to. The people themselves count with what they traded.
WITH RECURSIVE down AS (
  SELECT one.client_id AS top_id, one.client_id FROM unnest(CAST(:tops AS uuid[])) AS one (client_id)
  UNION ALL
  SELECT down.top_id, l.child_id
  FROM down
  JOIN partner_link AS l
    ON l.tenant_id = :tenant_id AND l.parent_id = down.client_id AND l.valid_from <= :at AND l.valid_to > :at
)
SELECT d.top_id AS client_id, count(*) - 1 AS people, coalesce(sum(w.trades), 0) AS trades,
  coalesce(sum(w.lots), 0) AS lots, coalesce(sum(w.earned), 0) AS earned
FROM down AS d
LEFT JOIN LATERAL (
  SELECT count(*) AS trades, sum(t.volume_lots) AS lots, sum(e.amount) AS earned
  FROM closed_trade AS t
  LEFT JOIN LATERAL (
    SELECT sum(l.amount) AS amount FROM commission_line AS l
    WHERE l.tenant_id = :tenant_id AND l.partner_id = :partner_id AND l.trade_id = t.id
  ) AS e ON true
  WHERE t.tenant_id = :tenant_id AND t.client_id = d.client_id AND t.closed_at >= :since
    AND t.deleted_at IS NULL AND NOT t.is_demo
) AS w ON true
GROUP BY d.top_id
