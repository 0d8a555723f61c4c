-- The account groups in whose trades a run found its rules.
SELECT DISTINCT r.group_name FROM run_rule AS r
WHERE r.tenant_id = :tenant_id AND r.business_date = :business_date AND r.plan_number = :plan_number
