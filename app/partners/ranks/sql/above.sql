-- Who stands above these people at an instant, as far up as ranks look, with the rank that each holds there; and the rank
-- of the people themselves (distance 0).
WITH RECURSIVE up AS (
  SELECT p.id AS below_id, p.id AS partner_id, 0 AS distance FROM unnest(CAST(:people AS uuid[])) AS p (id)
  UNION ALL
  SELECT up.below_id, k.parent_id, up.distance + 1
  FROM up
  JOIN partner_link AS k
    ON k.tenant_id = :tenant_id AND k.child_id = up.partner_id AND k.valid_from <= :at AND k.valid_to > :at
  WHERE up.distance < :depth
)
SELECT up.below_id, up.partner_id, up.distance, coalesce(r.rank, '') AS rank, coalesce(g.partner_gates, '{}') AS gates
FROM up
LEFT JOIN partner_rank AS r
  ON r.tenant_id = :tenant_id AND r.partner_id = up.partner_id AND r.valid_from <= :at AND r.valid_to > :at
LEFT JOIN run_gate AS g
  ON g.tenant_id = :tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
  AND g.client_id = up.partner_id
ORDER BY up.below_id, up.distance
