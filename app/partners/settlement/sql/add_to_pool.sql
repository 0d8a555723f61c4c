-- Partners' shares of the pool, higher by what was released.
INSERT INTO commission_pool AS p (tenant_id, partner_id, currency, balance_minor)
SELECT :tenant_id, n.partner_id, n.currency, n.minor
FROM unnest(CAST(:partners AS uuid[]), CAST(:currencies AS text[]), CAST(:minors AS bigint[])) AS n (partner_id, currency, minor)
ORDER BY n.partner_id, n.currency
ON CONFLICT (tenant_id, partner_id, currency) DO UPDATE SET balance_minor = p.balance_minor + excluded.balance_minor
