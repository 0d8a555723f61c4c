-- When clients signed in from browsers that more than one of them used.
SELECT 'device' AS kind, CAST(s.device_hash AS bytea) AS tag, u.client_id, s.created_at AS at
FROM user_session AS s
JOIN identity_user AS u ON u.tenant_id = s.tenant_id AND u.id = s.user_id AND u.client_id IS NOT NULL
WHERE s.tenant_id = :tenant_id AND s.device_hash IN (
  SELECT o.device_hash FROM user_session AS o
  WHERE o.tenant_id = :tenant_id AND o.device_hash IS NOT NULL
  GROUP BY o.device_hash
  HAVING count(DISTINCT o.user_id) > 1
)
