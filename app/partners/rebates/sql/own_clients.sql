-- Who stands directly below a partner now, by number, with the people whom they brought in themselves.
SELECT c.id AS client_id, c.number, c.name, c.status, (
    SELECT count(*) FROM partner_link AS d
    WHERE d.tenant_id = c.tenant_id AND d.parent_id = c.id AND d.valid_from <= :now AND d.valid_to > :now
  ) AS people
FROM partner_link AS l
JOIN client AS c ON c.tenant_id = l.tenant_id AND c.id = l.child_id
WHERE l.tenant_id = :tenant_id AND l.parent_id = :partner_id AND l.valid_from <= :now AND l.valid_to > :now
ORDER BY c.number
LIMIT :limit OFFSET :offset
