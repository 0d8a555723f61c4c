-- Why a partner's trades of some days paid nothing, the most frequent first.
SELECT r.reason, count(*) AS times
FROM commission_reason AS r
WHERE r.tenant_id = :tenant_id AND r.partner_id = :partner_id
  AND r.business_date >= :day_from AND r.business_date <= :day_to
GROUP BY r.reason
ORDER BY count(*) DESC, r.reason
