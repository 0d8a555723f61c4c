-- Clients below a partner, at any depth, with whom they share something that no person has judged yet.
WITH RECURSIVE up AS (
  SELECT r.client_id, k.parent_id AS partner_id
  FROM (
    SELECT DISTINCT l.client_id FROM run_link AS l
    WHERE l.tenant_id = :tenant_id AND l.business_date = :business_date
  ) AS r
  JOIN partner_link AS k
    ON k.tenant_id = :tenant_id AND k.child_id = r.client_id AND k.valid_from <= :at AND k.valid_to > :at
  UNION
  SELECT u.client_id, k.parent_id
  FROM up AS u
  JOIN partner_link AS k
    ON k.tenant_id = :tenant_id AND k.child_id = u.partner_id AND k.valid_from <= :at AND k.valid_to > :at
)
SELECT r.client_id, r.partner_id, r.cluster, r.confidence, r.kinds
FROM run_link AS r
JOIN up AS u ON u.client_id = r.client_id AND u.partner_id = r.partner_id
WHERE r.tenant_id = :tenant_id AND r.business_date = :business_date
  AND NOT EXISTS (
    SELECT FROM cluster_mark AS m
    WHERE m.tenant_id = r.tenant_id AND m.client_a = least(r.client_id, r.partner_id)
      AND m.client_b = greatest(r.client_id, r.partner_id)
  )
ORDER BY r.client_id, r.partner_id
