SELECT w.client_id, w.valid_from, w.valid_to, w.track, w.distance, w.level, w.beneficiary_id, w.rate, w.pool_rate,
  w.reaching, w.passed, true AS is_own
FROM run_receiver AS w
WHERE w.tenant_id = :tenant_id AND w.business_date = :business_date AND w.plan_number = :plan_number
