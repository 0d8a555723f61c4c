-- Ranks and own rates of a run that has not computed anything with them yet.
WITH terms AS (DELETE FROM run_own_term WHERE tenant_id = :tenant_id AND business_date = :business_date),
ranks AS (DELETE FROM run_rank WHERE tenant_id = :tenant_id AND business_date = :business_date)
DELETE FROM run_rate WHERE tenant_id = :tenant_id AND business_date = :business_date
