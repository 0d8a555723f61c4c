-- Everybody who stands above a client at any instant from :at on.
WITH RECURSIVE up AS (
  SELECT l.parent_id, greatest(l.valid_from, :at) AS valid_from, l.valid_to, 1 AS distance
  FROM partner_link AS l
  WHERE l.tenant_id = :tenant_id AND l.child_id = :client_id AND l.valid_to > :at AND l.valid_from < l.valid_to
  UNION
  SELECT l.parent_id, greatest(l.valid_from, up.valid_from), least(l.valid_to, up.valid_to), up.distance + 1
  FROM up
  JOIN partner_link AS l
    ON l.tenant_id = :tenant_id AND l.child_id = up.parent_id
    AND l.valid_from < up.valid_to AND l.valid_to > up.valid_from AND l.valid_from < l.valid_to
  WHERE up.distance <= :length_max
)
SELECT DISTINCT parent_id FROM up
