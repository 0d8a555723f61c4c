LEFT JOIN run_pair AS p
  ON p.tenant_id = :tenant_id AND p.business_date = :business_date AND p.plan_number = :plan_number
  AND p.client_id = t.client_id AND p.partner_id = r.beneficiary_id
