-- One line per paid beneficiary. In the order of the key, which is how the index likes to grow.
INSERT INTO commission_line (
  tenant_id, partner_id, trade_id, revision, track, component, business_date, distance, level, rate, amount_before_cap,
  amount, cap
)
SELECT :tenant_id, partner_id, trade_id, revision, track, 'base', :business_date, distance, level, rate,
  amount_before_cap, amount, cap
FROM candidate
WHERE reason IS NULL
ORDER BY partner_id, trade_id
