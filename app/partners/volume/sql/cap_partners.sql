-- Bring each partner's lines under what may be earned in a day, a week and a month: trade after trade as they were closed,
-- each line as far as all three have anything left. Partners who stay below every limit are not touched.
WITH used AS (
  SELECT u.partner_id, u.period, u.begins_on - DATE '2000-01-01' AS begin, sum(u.used) AS used
  FROM run_used_cap AS u
  WHERE u.tenant_id = :tenant_id AND u.business_date = :business_date
    AND (u.plan_number = :plan_number OR u.written_at > :at_start)
  GROUP BY u.partner_id, u.period, u.begins_on
), mine AS (
  SELECT c.trade_id, c.track, c.partner_id, c.amount, t.closed_at, t.closing_deal,
    period_begins(
      CAST(:first_day AS date) - 1 + width_bucket(t.closed_at, CAST(:day_starts AS timestamptz[])), :week_starts
    ) AS begins
  FROM candidate AS c
  JOIN trade_now AS t ON t.trade_id = c.trade_id
  WHERE c.reason IS NULL AND c.track IN ('god', 'referral')
), busy AS (
  SELECT m.partner_id
  FROM (SELECT partner_id, sum(amount) AS amount FROM mine GROUP BY partner_id) AS m
  LEFT JOIN (
    SELECT partner_id, max(used) FILTER (WHERE period = 'day') AS per_day,
      max(used) FILTER (WHERE period = 'week') AS per_week, max(used) FILTER (WHERE period = 'month') AS per_month
    FROM used GROUP BY partner_id
  ) AS u ON u.partner_id = m.partner_id
  WHERE m.amount + coalesce(u.per_day, 0) > (CAST(:limits AS numeric[]))[1]
    OR m.amount + coalesce(u.per_week, 0) > (CAST(:limits AS numeric[]))[2]
    OR m.amount + coalesce(u.per_month, 0) > (CAST(:limits AS numeric[]))[3]
), capped AS (
  SELECT m.trade_id, m.track, m.partner_id,
    cap_in_periods(
      m.amount, m.begins, ARRAY[coalesce(d.used, 0), coalesce(w.used, 0), coalesce(o.used, 0)], CAST(:limits AS numeric[])
    ) OVER (
      PARTITION BY m.partner_id
      ORDER BY m.closed_at, m.closing_deal, m.trade_id, array_position(CAST(:cap_order AS text[]), m.track)
      ROWS UNBOUNDED PRECEDING
    ) AS found
  FROM mine AS m
  JOIN busy AS b ON b.partner_id = m.partner_id
  LEFT JOIN used AS d ON d.partner_id = m.partner_id AND d.period = 'day' AND d.begin = m.begins[1]
  LEFT JOIN used AS w ON w.partner_id = m.partner_id AND w.period = 'week' AND w.begin = m.begins[2]
  LEFT JOIN used AS o ON o.partner_id = m.partner_id AND o.period = 'month' AND o.begin = m.begins[3]
)
UPDATE candidate AS c
SET amount = p.found[1], cap = (ARRAY['partner_day', 'partner_week', 'partner_month'])[CAST(p.found[2] AS int)],
  reason = CASE WHEN p.found[1] = 0 THEN 'CAP_REACHED' END, gates = CASE WHEN p.found[1] = 0 THEN '{}' ELSE c.gates END
FROM capped AS p
WHERE p.found[2] > 0 AND c.trade_id = p.trade_id AND c.track = p.track AND c.partner_id = p.partner_id
