-- One reason per potential beneficiary who gets nothing.
INSERT INTO commission_reason (
  tenant_id, partner_id, trade_id, revision, track, business_date, distance, reason, gates
)
SELECT :tenant_id, partner_id, trade_id, revision, track, :business_date, distance, reason, gates
FROM candidate
WHERE reason IS NOT NULL
ORDER BY partner_id, trade_id
