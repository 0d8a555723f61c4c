/* Both sides of the shares that this day reverses, with the day whose batches hold them. */
SELECT w.partner_id, w.track, w.amount, coalesce(h.decided_on, s.business_date) AS source_on
FROM commission_share AS v
JOIN commission_share AS s
  ON s.tenant_id = v.tenant_id AND s.giver_id = v.giver_id AND s.trade_id = v.trade_id AND s.revision = v.revision
  AND s.track = v.track AND s.kind = v.kind AND s.component = 'base'
CROSS JOIN LATERAL (
  VALUES (v.giver_id, v.track, -v.amount), (v.receiver_id, v.received_track, v.amount)
) AS w (partner_id, track, amount)
LEFT JOIN commission_hold AS h
  ON h.tenant_id = s.tenant_id AND h.partner_id = s.giver_id AND h.trade_id = s.trade_id AND h.revision = s.revision
  AND h.track = s.track
WHERE v.tenant_id = :tenant_id AND v.business_date = :business_date AND v.component = 'reversal'
  AND (h.outcome IS NULL AND h.held_on IS NULL OR h.outcome = 'cleared' AND h.decided_on <= :business_date)
