/* The lines and awards that this day pays: its own that are not held, and older ones whose hold was cleared. */
SELECT l.partner_id, l.track, l.amount
FROM commission_line AS l
WHERE l.tenant_id = :tenant_id AND l.business_date = :business_date AND l.component = 'base'
  AND NOT EXISTS (
    SELECT FROM commission_hold AS h
    WHERE h.tenant_id = l.tenant_id AND h.partner_id = l.partner_id AND h.trade_id = l.trade_id
      AND h.revision = l.revision AND h.track = l.track AND h.held_on = l.business_date
  )
UNION ALL
SELECT h.partner_id, h.track, l.amount
FROM commission_hold AS h
CROSS JOIN LATERAL (  -- One by one: the lines of years stand in this table.
  SELECT i.amount FROM commission_line AS i
  WHERE i.tenant_id = h.tenant_id AND i.partner_id = h.partner_id AND i.trade_id = h.trade_id
    AND i.revision = h.revision AND i.track = h.track AND i.component = 'base'
  OFFSET 0
) AS l
WHERE h.tenant_id = :tenant_id AND h.decided_on = :business_date AND h.outcome = 'cleared'
UNION ALL
SELECT a.partner_id, a.track, a.amount
FROM commission_award AS a
WHERE a.tenant_id = :tenant_id AND a.business_date = :business_date AND a.amount > 0
  AND NOT EXISTS (
    SELECT FROM commission_award_hold AS w
    WHERE w.tenant_id = a.tenant_id AND w.partner_id = a.partner_id AND w.kind = a.kind AND w.source_key = a.source_key
  )
UNION ALL
SELECT a.partner_id, a.track, a.amount
FROM commission_award_hold AS w
JOIN commission_award AS a
  ON a.tenant_id = w.tenant_id AND a.partner_id = w.partner_id AND a.kind = w.kind AND a.source_key = w.source_key
  AND a.component = 'base' AND a.amount > 0
WHERE w.tenant_id = :tenant_id AND w.decided_on = :business_date AND w.outcome = 'cleared'
UNION ALL
SELECT e.partner_id, e.track, e.amount FROM (/* include due_shares */) AS e
