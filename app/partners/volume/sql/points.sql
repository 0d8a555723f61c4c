-- The digits of every symbol of every platform of the tenant.
SELECT pl.code, s.name, s.digits
FROM symbol AS s
JOIN trading_platform AS pl ON pl.tenant_id = s.tenant_id AND pl.id = s.platform_id
WHERE s.tenant_id = :tenant_id
