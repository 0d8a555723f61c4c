SELECT w.client_id, w.valid_from, w.valid_to, w.track, w.distance, w.level, w.beneficiary_id, w.rate, w.pool_rate,
  w.reaching, w.passed, false AS is_own
FROM receiver AS w WHERE w.tenant_id = :tenant_id
