-- What else stands behind one settled trade: where it was made, how its volume came about, the verdict, the run.
SELECT p.name AS platform_name, a.login, a.group_name, a.currency AS account_currency, t.position_id, t.holding_ms, t.reason AS closed_by,
  t.arrived_at, t.revision AS trade_revision, s.lots_paid, s.lots_netted, s.credit_factor, s.average, s.is_held,
  v.verdict, v.reason AS verdict_reason, v.decided_by AS verdict_by, v.decided_at AS verdict_at,
  q.multiply AS value_multiply, q.divide AS value_divide, k.multiply AS paid_multiply, k.divide AS paid_divide,
  r.id AS run_id, r.day_start, r.day_end, r.computed_at, r.posted_at, r.proved_at
FROM settled_trade AS s
JOIN closed_trade AS t ON t.tenant_id = s.tenant_id AND t.id = s.trade_id
JOIN trading_account AS a ON a.tenant_id = t.tenant_id AND a.id = t.account_id
JOIN trading_platform AS p ON p.tenant_id = t.tenant_id AND p.id = t.platform_id
LEFT JOIN trade_verdict AS v ON v.tenant_id = s.tenant_id AND v.trade_id = s.trade_id
LEFT JOIN settlement_run AS r ON r.tenant_id = s.tenant_id AND r.business_date = s.business_date
JOIN plan_version AS n ON n.tenant_id = s.tenant_id AND n.number = s.plan_number
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN n.body ->> 'fx_time' = 'settlement' THEN CAST(r.day_end AT TIME ZONE 'UTC' AS date)
    ELSE CAST(t.closed_at AT TIME ZONE 'UTC' AS date)
  END AS on_date
) AS f
LEFT JOIN run_quote AS q  -- Of what the trade earned: the spread is in the symbol's currency, what was paid in the account's.
  ON q.tenant_id = s.tenant_id AND q.business_date = s.business_date AND q.currency = t.profit_currency
  AND q.plan_currency = n.currency AND q.on_date = f.on_date
LEFT JOIN run_quote AS k
  ON k.tenant_id = s.tenant_id AND k.business_date = s.business_date AND k.currency = t.account_currency
  AND k.plan_currency = n.currency AND k.on_date = f.on_date
WHERE s.tenant_id = :tenant_id AND s.trade_id = :trade_id AND s.revision = :revision
