-- The exact opposite of every line, pointing at it by its key.
INSERT INTO commission_line (
  tenant_id, partner_id, trade_id, revision, track, component, business_date, distance, level, rate, amount_before_cap,
  amount, cap
)
SELECT :tenant_id, l.partner_id, l.trade_id, l.revision, l.track, 'reversal', :business_date, l.distance, l.level, l.rate,
  -l.amount_before_cap, -l.amount, l.cap
FROM (/* include clawback_lines */) AS l
ON CONFLICT DO NOTHING
