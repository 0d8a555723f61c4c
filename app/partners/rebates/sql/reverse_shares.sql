-- Shares of lines that this day reverses, for whatever reason: the exact opposite, on both sides.
INSERT INTO commission_share (
  tenant_id, giver_id, trade_id, revision, track, kind, component, receiver_id, received_track, business_date,
  agreement_id, distance, share, line_amount, amount
)
SELECT s.tenant_id, s.giver_id, s.trade_id, s.revision, s.track, s.kind, 'reversal', s.receiver_id, s.received_track,
  :business_date, s.agreement_id, s.distance, s.share, -s.line_amount, -s.amount
FROM commission_line AS v
JOIN commission_share AS s
  ON s.tenant_id = v.tenant_id AND s.giver_id = v.partner_id AND s.trade_id = v.trade_id AND s.revision = v.revision
  AND s.track = v.track AND s.component = 'base'
WHERE v.tenant_id = :tenant_id AND v.business_date = :business_date AND v.component = 'reversal'
ON CONFLICT DO NOTHING
