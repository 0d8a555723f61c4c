-- How many people stand below a client as of an instant, by distance.
WITH RECURSIVE down AS (
  SELECT l.child_id AS client_id, 1 AS distance
  FROM partner_link AS l
  WHERE l.tenant_id = :tenant_id AND l.parent_id = :client_id AND l.valid_from <= :at AND l.valid_to > :at
  UNION ALL
  SELECT l.child_id, down.distance + 1
  FROM down
  JOIN partner_link AS l
    ON l.tenant_id = :tenant_id AND l.parent_id = down.client_id AND l.valid_from <= :at AND l.valid_to > :at
  WHERE down.distance < :length_max
)
SELECT distance, count(*) AS people FROM down GROUP BY distance ORDER BY distance
