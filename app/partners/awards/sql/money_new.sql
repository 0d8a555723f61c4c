/* Deposits, paid withdrawals and chargebacks before the cut-off that no run has seen yet. */
SELECT n.source, n.source_id, n.client_id, n.at, n.minor, n.currency
FROM (
  SELECT 'deposit' AS source, d.id AS source_id, d.client_id, d.decided_at AS at, d.received_minor AS minor, d.currency
  FROM deposit AS d
  WHERE d.tenant_id = :tenant_id AND d.status = 'succeeded' AND d.decided_at < :day_end AND d.received_minor > 0
  UNION ALL
  SELECT 'withdrawal', w.id, w.client_id, w.decided_at, -w.amount_minor, w.currency
  FROM withdrawal AS w
  WHERE w.tenant_id = :tenant_id AND w.status = 'paid' AND w.decided_at < :day_end AND w.amount_minor > 0
  UNION ALL
  SELECT 'chargeback', c.id, c.client_id, c.decided_at, -d.received_minor, d.currency
  FROM clawback AS c
  JOIN deposit AS d ON d.tenant_id = c.tenant_id AND d.id = c.deposit_id
  WHERE c.tenant_id = :tenant_id AND c.trigger = 'chargeback' AND c.status IN ('approved', 'applied')
    AND d.received_minor > 0
) AS n
WHERE NOT EXISTS (
  SELECT FROM award_money AS m
  WHERE m.tenant_id = :tenant_id AND m.source = n.source AND m.source_id = n.source_id
    AND m.plan_currency = :plan_currency
)
