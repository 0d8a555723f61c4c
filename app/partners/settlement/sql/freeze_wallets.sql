-- Who is paid in a currency other than the plan's in this run.
SELECT partner_id, currency FROM commission_currency
WHERE tenant_id = :tenant_id AND currency <> :currency
ORDER BY partner_id
