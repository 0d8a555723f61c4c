/* The lines that this day pays: its own that are not held, and older ones whose hold was cleared. */
SELECT l.partner_id, l.track, l.amount
FROM commission_line AS l
WHERE l.tenant_id = :tenant_id AND l.business_date = :business_date AND l.component = 'base'
  AND NOT EXISTS (
    SELECT FROM commission_hold AS h
    WHERE h.tenant_id = l.tenant_id AND h.partner_id = l.partner_id AND h.trade_id = l.trade_id
      AND h.revision = l.revision AND h.track = l.track AND h.held_on = l.business_date
  )
UNION ALL
SELECT l.partner_id, l.track, l.amount
FROM commission_hold AS h
JOIN commission_line AS l
  ON l.tenant_id = h.tenant_id AND l.partner_id = h.partner_id AND l.trade_id = h.trade_id
  AND l.revision = h.revision AND l.track = h.track AND l.component = 'base'
WHERE h.tenant_id = :tenant_id AND h.decided_on = :business_date AND h.outcome = 'cleared'
