-- What the band that a month has reached gives its trades, and what was paid for them. Lines that a cap has reduced, that
-- wait, that were taken back or that were paid at an own rate are left as they are.
WITH flat AS (
  SELECT DISTINCT m.business_date, m.plan_number, m.track, m.rule, m.level, m.tier_upto, m.tier_rates, m.weight,
    m.max_per_event
  FROM run_own_term AS m
  WHERE m.tenant_id = :tenant_id AND m.business_date >= :first_day AND m.tier_method = 'flat_on_reach'
), volume AS (
  SELECT v.partner_id, v.track, v.month, sum(v.lots - v.lots_back) AS lots
  FROM commission_volume AS v
  WHERE v.tenant_id = :tenant_id AND v.month = ANY (CAST(:due AS date[]))
  GROUP BY v.partner_id, v.track, v.month
), line AS (
  SELECT l.partner_id, l.track, v.month, v.lots AS month_lots, s.lots, l.amount_before_cap AS paid, f.max_per_event,
    tier_rate(f.tier_upto, f.tier_rates, v.lots) AS rate,
    CASE l.track
      WHEN 'god' THEN round_even(f.weight * tier_rate(f.tier_upto, f.tier_rates, v.lots) * s.lots, 10)
      ELSE round_even(round_even(tier_rate(f.tier_upto, f.tier_rates, v.lots) * s.lots, 10) * l.rate, 10)
    END AS reached
  FROM commission_line AS l
  JOIN settled_trade AS s ON s.tenant_id = l.tenant_id AND s.trade_id = l.trade_id AND s.revision = l.revision
  JOIN volume AS v
    ON v.partner_id = l.partner_id AND v.track = l.track
    AND v.month = (CAST(:months AS date[]))[width_bucket(s.closed_at, CAST(:month_starts AS timestamptz[]))]
  JOIN flat AS f
    ON f.business_date = l.business_date AND f.plan_number = s.plan_number AND f.track = l.track
    AND f.rule = CASE l.track WHEN 'god' THEN s.god_rule ELSE s.referral_rule END
    AND f.level = CASE l.track WHEN 'god' THEN 0 ELSE l.level END
  WHERE l.tenant_id = :tenant_id AND l.business_date >= :first_day AND l.business_date <= :business_date
    AND s.business_date >= :first_day AND l.component = 'base' AND l.cap = ''
    AND NOT EXISTS (
      SELECT FROM commission_line AS b
      WHERE b.tenant_id = l.tenant_id AND b.partner_id = l.partner_id AND b.trade_id = l.trade_id
        AND b.revision = l.revision AND b.track = l.track AND b.component = 'reversal'
    )
    AND NOT EXISTS (
      SELECT FROM commission_hold AS h
      WHERE h.tenant_id = l.tenant_id AND h.partner_id = l.partner_id AND h.trade_id = l.trade_id
        AND h.revision = l.revision AND h.track = l.track AND h.outcome IS DISTINCT FROM 'cleared'
    )
    AND NOT EXISTS (
      SELECT FROM run_rate AS o
      WHERE o.tenant_id = l.tenant_id AND o.business_date = l.business_date AND o.plan_number = s.plan_number
        AND o.partner_id = l.partner_id AND o.track = l.track AND o.rule IN (f.rule, -2) AND o.unit = 'per_lot'
        AND o.valid_from <= s.path_at AND o.valid_to > s.path_at
    )
)
SELECT n.partner_id, n.track, n.month, n.month_lots, n.trades, n.lots, n.rate, n.reached, n.paid,
  coalesce(e.amount, 0) AS earlier
FROM (
  SELECT partner_id, track, month, month_lots, count(*) AS trades, sum(lots) AS lots, max(rate) AS rate,
    sum(least(reached, coalesce(max_per_event, reached))) AS reached, sum(paid) AS paid
  FROM line GROUP BY partner_id, track, month, month_lots
) AS n
LEFT JOIN (
  SELECT a.partner_id, a.track, CAST(a.detail ->> 'month' AS date) AS month, sum(a.amount) AS amount
  FROM commission_award AS a
  WHERE a.tenant_id = :tenant_id AND a.kind = 'true_up' AND a.business_date >= :first_day
    AND a.business_date < :business_date
  GROUP BY 1, 2, 3
) AS e ON e.partner_id = n.partner_id AND e.track = n.track AND e.month = n.month
WHERE n.reached - n.paid <> coalesce(e.amount, 0)
