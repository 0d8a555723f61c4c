-- What a partner's days brought, by track, for a stretch of days.
SELECT b.business_date, b.track, sum(b.posted_minor) AS minor
FROM commission_batch AS b
WHERE b.tenant_id = :tenant_id AND b.partner_id = :partner_id AND b.currency = :currency
  AND b.business_date >= :day_from AND b.business_date <= :day_to
GROUP BY b.business_date, b.track
ORDER BY b.business_date
