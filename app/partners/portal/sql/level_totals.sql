-- What some people traded since an instant, and what a partner's lines on it come to. The trades are found by client and
-- time, their lines by their key, so the work grows with what was traded alone.
WITH traded AS MATERIALIZED (
  SELECT t.client_id, t.id, t.volume_lots
  FROM closed_trade AS t
  WHERE t.tenant_id = :tenant_id AND t.client_id = ANY (CAST(:clients AS uuid[])) AND t.closed_at >= :since
    AND t.deleted_at IS NULL AND NOT t.is_demo
), earned AS (
  SELECT traded.client_id, sum(l.amount) AS amount
  FROM traded
  JOIN commission_line AS l ON l.tenant_id = :tenant_id AND l.partner_id = :partner_id AND l.trade_id = traded.id
  GROUP BY traded.client_id
)
SELECT w.client_id, w.trades, w.lots, coalesce(e.amount, 0) AS earned
FROM (SELECT client_id, count(*) AS trades, sum(volume_lots) AS lots FROM traded GROUP BY client_id) AS w
LEFT JOIN earned AS e ON e.client_id = w.client_id
