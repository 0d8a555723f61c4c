-- A trade that is being examined pays its trader nothing yet.
INSERT INTO commission_hold (tenant_id, partner_id, trade_id, revision, track, gates, held_on, expires_on)
SELECT :tenant_id, client_id, trade_id, revision, 'cashback', ARRAY['FRAUD_HOLD'], :business_date, :expires_on
FROM cashback_now
WHERE reason IS NULL AND is_held
