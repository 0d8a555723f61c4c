-- Awards whose partner may not earn at present wait.
INSERT INTO commission_award_hold (tenant_id, partner_id, kind, source_key, gates, held_on, expires_on)
SELECT :tenant_id, c.partner_id, :kind, c.source_key, c.partner_gates, :business_date, :expires_on
FROM award_candidate AS c
WHERE c.reason IS NULL AND c.partner_gates <> '{}'
ON CONFLICT DO NOTHING
