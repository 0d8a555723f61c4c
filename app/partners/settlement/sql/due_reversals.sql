/* Reversing lines of this day, with the day whose batch holds what they reverse. A line that was never paid is left out. */
SELECT v.partner_id, v.track, v.amount, coalesce(h.decided_on, l.business_date) AS source_on
FROM commission_line AS v
JOIN commission_line AS l
  ON l.tenant_id = v.tenant_id AND l.partner_id = v.partner_id AND l.trade_id = v.trade_id AND l.revision = v.revision
  AND l.track = v.track AND l.component = 'base'
LEFT JOIN commission_hold AS h
  ON h.tenant_id = l.tenant_id AND h.partner_id = l.partner_id AND h.trade_id = l.trade_id
  AND h.revision = l.revision AND h.track = l.track
WHERE v.tenant_id = :tenant_id AND v.business_date = :business_date AND v.component = 'reversal'
  AND (h.outcome IS NULL AND h.held_on IS NULL OR h.outcome = 'cleared' AND h.decided_on <= :business_date)
