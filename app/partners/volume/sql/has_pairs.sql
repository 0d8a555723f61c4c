-- Whether the run knows a trader and a beneficiary who may not earn from each other.
SELECT EXISTS (
  SELECT FROM run_pair AS p
  WHERE p.tenant_id = :tenant_id AND p.business_date = :business_date AND p.plan_number = :plan_number
)
