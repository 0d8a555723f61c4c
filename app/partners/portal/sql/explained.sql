-- What else stands behind one settled trade: where it was made, how its volume came about, the verdict, the run.
SELECT p.name AS platform_name, a.login, a.group_name, a.currency AS account_currency, t.position_id, t.holding_ms, t.reason AS closed_by,
  t.arrived_at, t.revision AS trade_revision, s.lots_paid, s.lots_netted, s.credit_factor, s.average, s.is_held,
  v.verdict, v.reason AS verdict_reason, v.decided_by AS verdict_by, v.decided_at AS verdict_at,
  r.id AS run_id, r.day_start, r.day_end, r.computed_at, r.posted_at, r.proved_at
FROM settled_trade AS s
JOIN closed_trade AS t ON t.tenant_id = s.tenant_id AND t.id = s.trade_id
JOIN trading_account AS a ON a.tenant_id = t.tenant_id AND a.id = t.account_id
JOIN trading_platform AS p ON p.tenant_id = t.tenant_id AND p.id = t.platform_id
LEFT JOIN trade_verdict AS v ON v.tenant_id = s.tenant_id AND v.trade_id = s.trade_id
LEFT JOIN settlement_run AS r ON r.tenant_id = s.tenant_id AND r.business_date = s.business_date
WHERE s.tenant_id = :tenant_id AND s.trade_id = :trade_id AND s.revision = :revision
