/* Shares of lines that this day pays: a share waits as long as its line does. */
SELECT s.giver_id, s.trade_id, s.revision, s.track, s.receiver_id, s.received_track, s.amount
FROM commission_share AS s
WHERE s.tenant_id = :tenant_id AND s.business_date = :business_date AND s.component = 'base'
  AND NOT EXISTS (
    SELECT FROM commission_hold AS h
    WHERE h.tenant_id = s.tenant_id AND h.partner_id = s.giver_id AND h.trade_id = s.trade_id
      AND h.revision = s.revision AND h.track = s.track AND h.held_on = s.business_date
  )
UNION ALL
SELECT s.giver_id, s.trade_id, s.revision, s.track, s.receiver_id, s.received_track, s.amount
FROM commission_hold AS h
JOIN commission_share AS s
  ON s.tenant_id = h.tenant_id AND s.giver_id = h.partner_id AND s.trade_id = h.trade_id AND s.revision = h.revision
  AND s.track = h.track AND s.component = 'base'
WHERE h.tenant_id = :tenant_id AND h.decided_on = :business_date AND h.outcome = 'cleared'
