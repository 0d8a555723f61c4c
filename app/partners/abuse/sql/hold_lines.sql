-- What findings keep back waits from this day on. The gates say it to the partner, without how it was found.
INSERT INTO commission_hold (tenant_id, partner_id, trade_id, revision, track, gates, held_on, expires_on)
SELECT :tenant_id, x.partner_id, x.trade_id, x.revision, x.track,
  ARRAY['FRAUD_HOLD'] || array_agg(DISTINCT w.gate ORDER BY w.gate), :business_date, :expires_on
FROM abuse_finding_line AS x
JOIN abuse_finding AS f ON f.tenant_id = x.tenant_id AND f.id = x.finding_id
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN f.kind = 'SHORT_HOLD' THEN 'HOLD_TOO_SHORT'
    WHEN f.kind IN ('CHURNING', 'PHANTOM_SUB_PARTNER', 'SELF_REFERRAL_RING') THEN 'RELATIONSHIP'
    ELSE 'TRADING_PATTERN'
  END AS gate
) AS w
WHERE x.tenant_id = :tenant_id AND x.business_date = :business_date
GROUP BY x.partner_id, x.trade_id, x.revision, x.track
ON CONFLICT DO NOTHING
