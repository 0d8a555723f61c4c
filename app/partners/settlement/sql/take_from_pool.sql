-- A partner's share of the pool, lower by what is taken out of it.
UPDATE commission_pool SET balance_minor = balance_minor - :minor
WHERE tenant_id = :tenant_id AND partner_id = :partner_id AND currency = :currency
