-- One level of the tree: those whom a client sponsors as of an instant, and how many each of them sponsors. Read in the
-- order of the index, so that a page of fifty costs the same below fifty people and below a hundred thousand: links
-- that stand still, and beside them those that have ended since or will.
SELECT l.child_id AS client_id, l.valid_from AS since, c.number, c.name, c.status, c.country,
  (SELECT count(*) FROM partner_link AS k
   WHERE k.tenant_id = :tenant_id AND k.parent_id = l.child_id AND k.valid_from <= :at AND k.valid_to > :at) AS children
FROM (
  SELECT both_kinds.child_id, both_kinds.valid_from FROM (
    (SELECT o.child_id, o.valid_from FROM partner_link AS o
     WHERE o.tenant_id = :tenant_id AND o.parent_id = :parent_id AND o.valid_to = :forever AND o.valid_from <= :at
       AND (CAST(:after AS uuid) IS NULL OR o.child_id > :after)
     ORDER BY o.child_id LIMIT :limit)
    UNION ALL
    (SELECT e.child_id, e.valid_from FROM partner_link AS e
     WHERE e.tenant_id = :tenant_id AND e.parent_id = :parent_id AND e.valid_to > :at AND e.valid_to < :forever
       AND e.valid_from <= :at AND (CAST(:after AS uuid) IS NULL OR e.child_id > :after)
     ORDER BY e.child_id LIMIT :limit)
  ) AS both_kinds
  ORDER BY both_kinds.child_id
  LIMIT :limit
) AS l
JOIN client AS c ON c.tenant_id = :tenant_id AND c.id = l.child_id
ORDER BY l.child_id
