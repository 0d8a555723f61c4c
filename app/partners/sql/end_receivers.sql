-- Ends rows that a change of the tree has overtaken, where they began before it.
UPDATE receiver AS r
SET valid_to = :from_at
FROM receiver_change AS c
WHERE NOT c.is_new AND c.valid_from < :from_at
  AND r.tenant_id = :tenant_id AND r.client_id = c.client_id AND r.valid_from = c.valid_from AND r.track = c.track
  AND r.distance = c.distance
