-- Pairs of a run that has not used them yet.
DELETE FROM run_link WHERE tenant_id = :tenant_id AND business_date = :business_date
