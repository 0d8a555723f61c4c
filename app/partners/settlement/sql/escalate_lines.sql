-- Held lines that have waited for too long, each noted once; answers how many each person had held, and since when.
WITH noted AS (
  UPDATE commission_hold AS h SET escalated_on = :day
  WHERE h.tenant_id = :tenant_id AND h.outcome IS NULL AND h.escalated_on IS NULL AND h.held_on <= :since
  RETURNING h.trade_id, h.held_on
)
SELECT v.decided_by_id, count(*) AS times, min(n.held_on) AS since
FROM noted AS n
LEFT JOIN trade_verdict AS v ON v.tenant_id = :tenant_id AND v.trade_id = n.trade_id AND v.verdict = 'hold'
GROUP BY v.decided_by_id
