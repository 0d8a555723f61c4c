-- What a client paid in and out up to a day, as it counted.
SELECT m.source, m.at, m.minor, m.currency, m.plan_currency, m.multiply, m.divide, m.rate_source, m.rate_at, m.amount
FROM award_money AS m
WHERE m.tenant_id = :tenant_id AND m.client_id = :client_id AND m.plan_currency = :plan_currency
  AND m.business_date <= :business_date
ORDER BY m.at, m.source_id
LIMIT 500
