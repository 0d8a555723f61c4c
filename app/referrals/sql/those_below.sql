-- Which of these clients stand below somebody as of an instant.
WITH RECURSIVE up AS (
  SELECT l.child_id AS client_id, l.parent_id, 1 AS distance
  FROM partner_link AS l
  WHERE l.tenant_id = :tenant_id AND l.child_id = ANY (CAST(:client_ids AS uuid[])) AND l.valid_from <= :at
    AND l.valid_to > :at
  UNION ALL
  SELECT up.client_id, l.parent_id, up.distance + 1
  FROM up
  JOIN partner_link AS l
    ON l.tenant_id = :tenant_id AND l.child_id = up.parent_id AND l.valid_from <= :at AND l.valid_to > :at
  WHERE up.parent_id <> :ancestor_id AND up.distance <= :length_max
)
SELECT up.client_id FROM up WHERE up.parent_id = :ancestor_id
