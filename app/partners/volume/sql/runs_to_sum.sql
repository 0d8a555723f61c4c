-- Earlier runs that may have paid for the periods of this one and are not summed up yet, with their earliest closing.
SELECT r.business_date, (
  SELECT min(s.closed_at) FROM settled_trade AS s WHERE s.tenant_id = r.tenant_id AND s.business_date = r.business_date
) AS first_at
FROM settlement_run AS r
WHERE r.tenant_id = :tenant_id AND r.business_date >= :begins_on AND r.business_date < :business_date
  AND NOT EXISTS (
    SELECT FROM partner_day_sum AS d WHERE d.tenant_id = r.tenant_id AND d.business_date = r.business_date
  )
ORDER BY r.business_date
