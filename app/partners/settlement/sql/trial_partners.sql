-- What each partner would get of a tried day, the largest first.
SELECT b.partner_id, b.currency, sum(b.lines) AS lines, sum(b.posted_minor) AS minor
FROM commission_batch AS b
WHERE b.tenant_id = :tenant_id AND b.business_date = :business_date
GROUP BY b.partner_id, b.currency
ORDER BY sum(b.posted_minor) DESC, b.partner_id
LIMIT :limit
