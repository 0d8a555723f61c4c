-- The trades of this slice are settled from here on: the key makes a second run add nothing.
INSERT INTO settled_trade (
  tenant_id, trade_id, revision, business_date, client_id, plan_number, closed_at, path_at, is_late, lots, spread,
  spread_source, base, revenue, multiply, divide, rate_source, rate_at, referral_rule, god_rule, referral_gates,
  god_gates, is_country_denied, is_held, has_own_receivers, lots_paid, lots_netted, credit_factor, average
)
SELECT :tenant_id, trade_id, revision, :business_date, client_id, :plan_number, closed_at, path_at, is_late, lots, spread,
  spread_source, base, revenue, coalesce(base_multiply, 1), coalesce(base_divide, 1), rate_source, rate_at, referral_rule,
  god_rule, referral_gates, god_gates, is_country_denied, is_held, has_own_receivers, lots_paid, lots_netted,
  credit_factor, average
FROM trade_now
