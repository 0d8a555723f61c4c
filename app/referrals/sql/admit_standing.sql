-- Where the bundle in force is the first after an open programme: whoever sponsored somebody before it takes part.
WITH newest AS (
  SELECT c.version, c.applied_at FROM tenant_config AS c WHERE c.tenant_id = :tenant_id ORDER BY c.version DESC LIMIT 1
), before AS (
  SELECT coalesce(c.document #>> '{referrals,join}', 'open') AS way
  FROM tenant_config AS c JOIN newest ON c.version < newest.version
  WHERE c.tenant_id = :tenant_id
  ORDER BY c.version DESC
  LIMIT 1
)
INSERT INTO referral_membership (tenant_id, client_id, status, source, note, applied_at, decided_at)
SELECT :tenant_id, l.parent_id, 'approved', 'staff', '', min(l.valid_from), min(l.valid_from)
FROM partner_link AS l
CROSS JOIN newest
JOIN before ON before.way = 'open'
WHERE l.tenant_id = :tenant_id AND l.valid_from < l.valid_to AND l.valid_to > :at AND l.created_at < newest.applied_at
GROUP BY l.parent_id
ON CONFLICT DO NOTHING
