-- These clients as rows of the tree as of an instant: since when they stand where they stand, and whom they sponsor.
SELECT c.id AS client_id, coalesce(l.valid_from, c.created_at) AS since, c.number, c.name, c.status, c.country,
  (SELECT count(*) FROM partner_link AS k
   WHERE k.tenant_id = :tenant_id AND k.parent_id = c.id AND k.valid_from <= :at AND k.valid_to > :at) AS children
FROM unnest(CAST(:ids AS uuid[])) AS asked (id)
JOIN client AS c ON c.tenant_id = :tenant_id AND c.id = asked.id
LEFT JOIN partner_link AS l
  ON l.tenant_id = :tenant_id AND l.child_id = c.id AND l.valid_from <= :at AND l.valid_to > :at
