DELETE FROM commission_statement AS t USING left_in_plan AS n
WHERE t.tenant_id = :tenant_id AND t.business_date = :business_date AND t.currency = :currency
  AND t.partner_id = n.partner_id
