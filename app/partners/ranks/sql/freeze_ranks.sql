-- The ranks of the instants that some trade of the run can ask for. A rank that the version does not know counts as its
-- first one.
INSERT INTO run_rank (tenant_id, business_date, plan_number, partner_id, valid_from, valid_to, rank)
SELECT :tenant_id, :business_date, :plan_number, r.partner_id, r.valid_from, r.valid_to,
  CASE WHEN r.rank = ANY (CAST(:names AS text[])) THEN r.rank ELSE :first_rank END
FROM partner_rank AS r
WHERE r.tenant_id = :tenant_id AND r.valid_from < r.valid_to AND r.valid_from < :day_end
  AND r.valid_to > (SELECT min(least(t.closed_at, coalesce(t.opened_at, t.closed_at))) FROM /* include candidates_scope */)
ON CONFLICT DO NOTHING
