-- Settlement days of the window whose trades nobody has counted yet, and this one.
SELECT r.business_date FROM settlement_run AS r
WHERE r.tenant_id = :tenant_id AND r.business_date > :window_from AND r.business_date <= :business_date
  AND NOT EXISTS (
    SELECT FROM client_day AS d WHERE d.tenant_id = r.tenant_id AND d.business_date = r.business_date
  )
ORDER BY r.business_date
