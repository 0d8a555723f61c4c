-- Where those whom a partner brought in live.
SELECT DISTINCT c.country
FROM partner_link AS l
JOIN client AS c ON c.tenant_id = l.tenant_id AND c.id = l.child_id
WHERE l.tenant_id = :tenant_id AND l.parent_id = :partner_id AND l.valid_from <= :at AND l.valid_to > :at
  AND c.country <> ''
ORDER BY c.country
