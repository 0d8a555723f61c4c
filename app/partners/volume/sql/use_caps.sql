-- What this slice has used of each period, for the slices after it.
INSERT INTO run_used_cap (tenant_id, business_date, plan_number, partner_id, period, begins_on, written_at, used)
SELECT :tenant_id, :business_date, :plan_number, c.partner_id, p.period, DATE '2000-01-01' + k.begins[p.number],
  (SELECT clock_timestamp()), sum(c.amount)
FROM candidate AS c
JOIN trade_now AS t ON t.trade_id = c.trade_id
CROSS JOIN LATERAL (
  SELECT period_begins(
    CAST(:first_day AS date) - 1 + width_bucket(t.closed_at, CAST(:day_starts AS timestamptz[])), :week_starts
  ) AS begins
) AS k
CROSS JOIN unnest(ARRAY['day', 'week', 'month']) WITH ORDINALITY AS p (period, number)
WHERE c.reason IS NULL AND c.track IN ('god', 'referral') AND (CAST(:limits AS numeric[]))[p.number] IS NOT NULL
GROUP BY c.partner_id, p.period, 6
