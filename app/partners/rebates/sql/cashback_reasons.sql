-- Why a trader got nothing for a trade.
INSERT INTO commission_reason (tenant_id, partner_id, trade_id, revision, track, business_date, distance, reason, gates)
SELECT :tenant_id, client_id, trade_id, revision, 'cashback', :business_date, 0, reason, gates
FROM cashback_now
WHERE reason IS NOT NULL
ORDER BY client_id, trade_id
