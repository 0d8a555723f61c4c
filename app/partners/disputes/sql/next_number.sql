-- The next number of the tenant's disputes; the caller holds the lock on numbers.
SELECT 1000 + count(*) + 1 FROM commission_dispute WHERE tenant_id = :tenant_id
