-- The traders' own lines, at level 0.
INSERT INTO commission_line (
  tenant_id, partner_id, trade_id, revision, track, component, business_date, distance, level, rate, amount_before_cap,
  amount, cap
)
SELECT :tenant_id, client_id, trade_id, revision, 'cashback', 'base', :business_date, 0, 0, per_lot, before, amount, cap
FROM cashback_now
WHERE reason IS NULL
ORDER BY client_id, trade_id
