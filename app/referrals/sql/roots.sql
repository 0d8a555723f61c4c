-- The tops of the tree as of an instant: clients who sponsor somebody and have no sponsor themselves.
SELECT c.id AS client_id, c.created_at AS since, c.number, c.name, c.status, c.country, k.children
FROM (
  SELECT l.parent_id, count(*) AS children FROM partner_link AS l
  WHERE l.tenant_id = :tenant_id AND l.valid_from <= :at AND l.valid_to > :at
    AND NOT EXISTS (
      SELECT FROM partner_link AS u
      WHERE u.tenant_id = :tenant_id AND u.child_id = l.parent_id AND u.valid_from <= :at AND u.valid_to > :at
    )
  GROUP BY l.parent_id
) AS k
JOIN client AS c ON c.tenant_id = :tenant_id AND c.id = k.parent_id
WHERE CAST(:after AS bigint) IS NULL OR c.number > :after
ORDER BY c.number
LIMIT :limit
