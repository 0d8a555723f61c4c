-- Everybody above a client as of an instant, nearest first. One row beyond the limit says that the data is corrupt.
WITH RECURSIVE up AS (
  SELECT l.parent_id, l.id AS link_id, 1 AS distance
  FROM partner_link AS l
  WHERE l.tenant_id = :tenant_id AND l.child_id = :client_id AND l.valid_from <= :at AND l.valid_to > :at
  UNION ALL
  SELECT l.parent_id, l.id, up.distance + 1
  FROM up
  JOIN partner_link AS l
    ON l.tenant_id = :tenant_id AND l.child_id = up.parent_id AND l.valid_from <= :at AND l.valid_to > :at
  WHERE up.distance <= :length_max
)
SELECT parent_id, link_id, distance FROM up ORDER BY distance
