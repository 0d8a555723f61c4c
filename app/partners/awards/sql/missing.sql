-- The latest reason per client and rule of a partner, where nothing was awarded since.
SELECT r.client_id, r.kind, r.rule, r.business_date, r.reason, r.gates, r.detail, c.name AS client_name,
  c.number AS client_number
FROM (
  SELECT DISTINCT ON (n.client_id, n.rule) n.* FROM award_reason AS n
  WHERE n.tenant_id = :tenant_id AND n.partner_id = :partner_id AND n.kind = 'cpa'
  ORDER BY n.client_id, n.rule, n.business_date DESC
) AS r
JOIN client AS c ON c.tenant_id = r.tenant_id AND c.id = r.client_id
WHERE NOT EXISTS (
  SELECT FROM award_step AS s
  WHERE s.tenant_id = r.tenant_id AND s.client_id = r.client_id AND s.rule = r.rule AND s.amount > 0
    AND s.business_date >= r.business_date
)
ORDER BY r.business_date DESC, c.number
LIMIT :limit
