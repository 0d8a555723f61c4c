-- Held awards that have waited for too long, each noted once. A person holds trades, so nobody in particular held these.
WITH noted AS (
  UPDATE commission_award_hold AS w SET escalated_on = :day
  WHERE w.tenant_id = :tenant_id AND w.outcome IS NULL AND w.escalated_on IS NULL AND w.held_on <= :since
  RETURNING w.held_on
)
SELECT CAST(NULL AS uuid) AS decided_by_id, count(*) AS times, min(n.held_on) AS since FROM noted AS n HAVING count(*) > 0
