-- Why a day's trades did not pay, the most frequent first.
SELECT reason, count(*) AS times
FROM commission_reason
WHERE tenant_id = :tenant_id AND business_date = :business_date
GROUP BY reason
ORDER BY count(*) DESC, reason
