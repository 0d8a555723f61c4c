-- One level of the tree: those whom a client sponsors as of an instant, and how many each of them sponsors.
SELECT l.child_id AS client_id, l.valid_from AS since, c.number, c.name, c.status, c.country,
  (SELECT count(*) FROM partner_link AS k
   WHERE k.tenant_id = :tenant_id AND k.parent_id = l.child_id AND k.valid_from <= :at AND k.valid_to > :at) AS children
FROM partner_link AS l
JOIN client AS c ON c.tenant_id = l.tenant_id AND c.id = l.child_id
WHERE l.tenant_id = :tenant_id AND l.parent_id = :parent_id AND l.valid_from <= :at AND l.valid_to > :at
  AND (CAST(:after AS bigint) IS NULL OR c.number > :after)
ORDER BY c.number
LIMIT :limit
