-- What a partner had of their own on one trade: rank, own rates and where their month stood before it.
SELECT m.rank, m.share, m.shares, m.rate, m.weight, m.takes_per_lot, m.tier_method, m.tier_upto, m.tier_rates,
  (SELECT o.amount FROM run_rate AS o
   WHERE o.tenant_id = s.tenant_id AND o.business_date = s.business_date AND o.plan_number = s.plan_number
     AND o.partner_id = :partner_id AND o.track = :track AND o.rule IN (m.rule, -2) AND o.level = m.level
     AND o.unit = 'share' AND o.valid_from <= s.path_at AND o.valid_to > s.path_at
   ORDER BY o.rule DESC LIMIT 1) AS own_share,
  (SELECT o.amount FROM run_rate AS o
   WHERE o.tenant_id = s.tenant_id AND o.business_date = s.business_date AND o.plan_number = s.plan_number
     AND o.partner_id = :partner_id AND o.track = :track AND o.rule IN (m.rule, -2) AND o.level = 0
     AND o.unit = 'per_lot' AND m.takes_per_lot AND o.valid_from <= s.path_at AND o.valid_to > s.path_at
   ORDER BY o.rule DESC LIMIT 1) AS own_per_lot,
  coalesce((SELECT sum(v.lots - v.lots_back) FROM commission_volume AS v
   WHERE v.tenant_id = s.tenant_id AND v.partner_id = :partner_id AND v.track = :track AND v.month = :month
     AND v.business_date < s.business_date), 0)
  - coalesce((SELECT v.lots_back FROM commission_volume AS v
   WHERE v.tenant_id = s.tenant_id AND v.partner_id = :partner_id AND v.track = :track AND v.month = :month
     AND v.business_date = s.business_date), 0)
  + coalesce((SELECT sum(b.lots) FROM settled_trade AS b
   WHERE b.tenant_id = s.tenant_id AND b.business_date = s.business_date AND b.closed_at >= :month_start
     AND b.closed_at < :month_end AND (b.closed_at, b.trade_id) < (s.closed_at, s.trade_id)
     AND (EXISTS (
       SELECT FROM commission_line AS l
       WHERE l.tenant_id = b.tenant_id AND l.partner_id = :partner_id AND l.trade_id = b.trade_id
         AND l.revision = b.revision AND l.track = :track AND l.component = 'base'
     ) OR EXISTS (
       SELECT FROM commission_reason AS r
       WHERE r.tenant_id = b.tenant_id AND r.partner_id = :partner_id AND r.trade_id = b.trade_id
         AND r.revision = b.revision AND r.track = :track AND r.reason IN ('ZERO_AMOUNT', 'OVERLAP', 'CAP_REACHED')
     ))), 0) AS stood_at,
  coalesce((SELECT sum(v.lots - v.lots_back) FROM commission_volume AS v
   WHERE v.tenant_id = s.tenant_id AND v.partner_id = :partner_id AND v.track = :track AND v.month = :month_before
     AND v.business_date < :month), 0) AS previous
FROM settled_trade AS s
LEFT JOIN run_rank AS k
  ON k.tenant_id = s.tenant_id AND k.business_date = s.business_date AND k.plan_number = s.plan_number
  AND k.partner_id = :partner_id AND k.valid_from <= s.path_at AND k.valid_to > s.path_at
JOIN run_own_term AS m
  ON m.tenant_id = s.tenant_id AND m.business_date = s.business_date AND m.plan_number = s.plan_number
  AND m.track = :track AND m.rule = CASE :track WHEN 'god' THEN s.god_rule ELSE s.referral_rule END
  AND m.level = CASE :track WHEN 'god' THEN 0 ELSE :level END AND m.rank = coalesce(k.rank, :first_rank)
WHERE s.tenant_id = :tenant_id AND s.trade_id = :trade_id AND s.revision = :revision
