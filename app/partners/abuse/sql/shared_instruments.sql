-- When clients were paid to bank accounts that more than one of them was paid to.
SELECT 'instrument' AS kind, i.tag, i.client_id, i.used_at AS at
FROM client_instrument AS i
WHERE i.tenant_id = :tenant_id AND i.tag IN (
  SELECT o.tag FROM client_instrument AS o
  WHERE o.tenant_id = :tenant_id
  GROUP BY o.tag
  HAVING count(DISTINCT o.client_id) > 1
)
