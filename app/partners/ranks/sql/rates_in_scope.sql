-- Rates of partners' own that hold at some instant that a trade of the run can ask for.
SELECT r.partner_id, r.track, r.rule, r.level, r.unit, r.valid_from, r.valid_to, trim_scale(r.amount) AS amount
FROM partner_rate AS r
WHERE r.tenant_id = :tenant_id AND r.status = 'given' AND r.valid_from < r.valid_to AND r.valid_from < :day_end
  AND r.valid_to > (SELECT min(least(t.closed_at, coalesce(t.opened_at, t.closed_at))) FROM /* include candidates_scope */)
