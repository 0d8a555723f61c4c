/* Every candidate under a rule with what the partner has of their own there: their share, and their amount per lot. That
   of the rule goes before that of the track, an own rate before tiers, tiers before the rank's rate. */
SELECT c.trade_id, c.track, c.partner_id, c.distance, t.lots, t.base, t.closed_at, m.weight, m.max_per_event, m.shares,
  (CAST(:months AS date[]))[width_bucket(t.closed_at, CAST(:month_starts AS timestamptz[]))] AS month,
  CASE WHEN c.reason NOT IN ('NESTED_POLICY', 'ZERO_AMOUNT') THEN c.reason END AS gate,
  :is_compressed AND cardinality(c.gates)
    > cardinality(CASE c.track WHEN 'god' THEN t.god_gates ELSE t.referral_gates END) AS is_out,
  coalesce(rs.amount, ts.amount, m.share) AS share, m.tier_upto, m.tier_rates,
  coalesce(rl.amount, tl.amount) IS NULL AND coalesce(m.tier_method = 'marginal', false) AS is_by_lot,
  coalesce(rl.amount, tl.amount) IS NULL AND coalesce(m.tier_method = 'flat_on_reach', false) AS is_by_trade,
  CASE
    WHEN m.shares IS NOT NULL THEN NULL
    WHEN coalesce(rl.amount, tl.amount) IS NOT NULL THEN coalesce(rl.amount, tl.amount)
    WHEN m.tier_method = 'previous_period' THEN tier_rate(m.tier_upto, m.tier_rates, coalesce(b.lots, 0))
    WHEN m.tier_method IS NOT NULL THEN 0
    WHEN c.track = 'god' THEN coalesce(m.rate, trim_scale(g.rate_per_lot))
    ELSE m.rate
  END AS own_rate
FROM candidate AS c
JOIN trade_now AS t ON t.trade_id = c.trade_id
LEFT JOIN run_rank AS k
  ON k.tenant_id = :tenant_id AND k.business_date = :business_date AND k.plan_number = :plan_number
  AND k.partner_id = c.partner_id AND k.valid_from <= t.path_at AND k.valid_to > t.path_at
JOIN run_own_term AS m
  ON m.tenant_id = :tenant_id AND m.business_date = :business_date AND m.plan_number = :plan_number AND m.track = c.track
  AND m.rule = CASE c.track WHEN 'god' THEN t.god_rule ELSE t.referral_rule END
  AND m.level = CASE c.track WHEN 'god' THEN 0 ELSE c.level END AND m.rank = coalesce(k.rank, :first_rank)
LEFT JOIN god_grant AS g
  ON g.tenant_id = :tenant_id AND g.partner_id = c.partner_id AND c.track = 'god'
  AND g.valid_from <= t.path_at AND g.valid_to > t.path_at
LEFT JOIN run_rate AS rs
  ON rs.tenant_id = :tenant_id AND rs.business_date = :business_date AND rs.plan_number = :plan_number
  AND rs.partner_id = c.partner_id AND rs.track = c.track AND rs.rule = m.rule AND rs.level = m.level
  AND rs.unit = 'share' AND rs.valid_from <= t.path_at AND rs.valid_to > t.path_at
LEFT JOIN run_rate AS ts
  ON ts.tenant_id = :tenant_id AND ts.business_date = :business_date AND ts.plan_number = :plan_number
  AND ts.partner_id = c.partner_id AND ts.track = c.track AND ts.rule = -2 AND ts.level = m.level
  AND ts.unit = 'share' AND ts.valid_from <= t.path_at AND ts.valid_to > t.path_at
LEFT JOIN run_rate AS rl
  ON rl.tenant_id = :tenant_id AND rl.business_date = :business_date AND rl.plan_number = :plan_number
  AND rl.partner_id = c.partner_id AND rl.track = c.track AND rl.rule = m.rule AND rl.level = 0
  AND rl.unit = 'per_lot' AND m.takes_per_lot AND rl.valid_from <= t.path_at AND rl.valid_to > t.path_at
LEFT JOIN run_rate AS tl
  ON tl.tenant_id = :tenant_id AND tl.business_date = :business_date AND tl.plan_number = :plan_number
  AND tl.partner_id = c.partner_id AND tl.track = c.track AND tl.rule = -2 AND tl.level = 0
  AND tl.unit = 'per_lot' AND m.takes_per_lot AND tl.valid_from <= t.path_at AND tl.valid_to > t.path_at
LEFT JOIN (
  SELECT w.partner_id, w.track, w.month, sum(w.lots - w.lots_back) AS lots
  FROM commission_volume AS w
  WHERE w.tenant_id = :tenant_id AND (:is_replay OR w.business_date < w.month + interval '1 month')
  GROUP BY w.partner_id, w.track, w.month
) AS b
  ON b.partner_id = c.partner_id AND b.track = c.track
  AND b.month + interval '1 month'
    = (CAST(:months AS date[]))[width_bucket(t.closed_at, CAST(:month_starts AS timestamptz[]))]
