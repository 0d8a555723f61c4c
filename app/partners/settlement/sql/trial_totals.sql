-- What a tried day would post, by currency.
SELECT b.currency, count(DISTINCT b.partner_id) AS partners, sum(b.lines) AS lines, sum(b.posted_minor) AS minor
FROM commission_batch AS b
WHERE b.tenant_id = :tenant_id AND b.business_date = :business_date
GROUP BY b.currency
ORDER BY b.currency
