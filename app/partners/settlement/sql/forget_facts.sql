-- Facts of a run that has not computed anything with them yet.
WITH volumes AS (DELETE FROM run_volume WHERE tenant_id = :tenant_id AND business_date = :business_date),
spreads AS (DELETE FROM run_spread WHERE tenant_id = :tenant_id AND business_date = :business_date),
used_caps AS (DELETE FROM run_used_cap WHERE tenant_id = :tenant_id AND business_date = :business_date),
pairs AS (DELETE FROM run_pair WHERE tenant_id = :tenant_id AND business_date = :business_date),
rules AS (DELETE FROM run_rule WHERE tenant_id = :tenant_id AND business_date = :business_date),
terms AS (DELETE FROM run_term WHERE tenant_id = :tenant_id AND business_date = :business_date),
quotes AS (DELETE FROM run_quote WHERE tenant_id = :tenant_id AND business_date = :business_date),
gates AS (DELETE FROM run_gate WHERE tenant_id = :tenant_id AND business_date = :business_date),
cashback AS (DELETE FROM run_cashback WHERE tenant_id = :tenant_id AND business_date = :business_date)
DELETE FROM run_receiver WHERE tenant_id = :tenant_id AND business_date = :business_date
