-- Lines that were computed but wait: for a verdict on the trade, or for the partner to become eligible.
INSERT INTO commission_hold (tenant_id, partner_id, trade_id, revision, track, gates, held_on, expires_on)
SELECT :tenant_id, partner_id, trade_id, revision, track, held_for, :business_date, :expires_on
FROM candidate
WHERE reason IS NULL AND held_for <> '{}'
