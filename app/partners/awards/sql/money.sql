-- Keep what is new, each amount at the rate of its own day. One whose rate nobody knows yet waits for the next run.
INSERT INTO award_money (
  tenant_id, source, source_id, plan_currency, client_id, business_date, at, minor, currency, multiply, divide,
  rate_source, rate_at, amount
)
SELECT :tenant_id, n.source, n.source_id, :plan_currency, n.client_id, :business_date, n.at, n.minor, n.currency,
  q.multiply, q.divide, q.source, q.quoted_at,
  divide_even(n.minor * power(10::numeric, -q.places) * q.multiply, q.divide, 10)
FROM (/* include money_new */) AS n
JOIN unnest(
  CAST(:currencies AS text[]), CAST(:dates AS date[]), CAST(:multiplies AS numeric[]), CAST(:divides AS numeric[]),
  CAST(:sources AS text[]), CAST(:quoted AS timestamptz[]), CAST(:places AS int[])
) AS q (currency, on_date, multiply, divide, source, quoted_at, places)
  ON q.currency = n.currency AND q.on_date = CAST(n.at AT TIME ZONE 'UTC' AS date)
ON CONFLICT DO NOTHING
