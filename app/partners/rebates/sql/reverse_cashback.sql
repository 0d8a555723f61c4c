-- The traders' own lines of trades that were corrected or taken away since they were settled.
INSERT INTO commission_line (
  tenant_id, partner_id, trade_id, revision, track, component, business_date, distance, level, rate, amount_before_cap,
  amount, cap
)
SELECT l.tenant_id, l.partner_id, l.trade_id, l.revision, l.track, 'reversal', :business_date, l.distance, l.level, l.rate,
  -l.amount_before_cap, -l.amount, l.cap
FROM closed_trade AS t
JOIN settled_trade AS s
  ON s.tenant_id = t.tenant_id AND s.trade_id = t.id AND (s.revision < t.revision OR t.deleted_at IS NOT NULL)
JOIN commission_line AS l
  ON l.tenant_id = s.tenant_id AND l.partner_id = s.client_id AND l.trade_id = s.trade_id AND l.revision = s.revision
  AND l.track = 'cashback' AND l.component = 'base'
WHERE t.tenant_id = :tenant_id AND t.batch_no > :batch_from AND (t.corrected_at IS NOT NULL OR t.deleted_at IS NOT NULL)
ON CONFLICT DO NOTHING
