-- Everybody who stands below these clients at any instant from :at on, the clients included.
WITH RECURSIVE down AS (
  SELECT top.client_id, CAST(:at AS timestamptz) AS valid_from, CAST(:forever AS timestamptz) AS valid_to, 0 AS distance
  FROM unnest(CAST(:client_ids AS uuid[])) AS top (client_id)
  UNION
  SELECT l.child_id, greatest(l.valid_from, down.valid_from), least(l.valid_to, down.valid_to), down.distance + 1
  FROM down
  JOIN partner_link AS l
    ON l.tenant_id = :tenant_id AND l.parent_id = down.client_id
    AND l.valid_from < down.valid_to AND l.valid_to > down.valid_from AND l.valid_from < l.valid_to
  WHERE down.distance <= :length_max
)
SELECT DISTINCT client_id FROM down
