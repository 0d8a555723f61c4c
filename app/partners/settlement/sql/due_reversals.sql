/* Reversing lines and awards of this day, with the day whose batch holds what they reverse; an award below zero reverses
   nothing and names its own day. What was never paid is left out. */
SELECT v.partner_id, v.track, v.amount, coalesce(h.decided_on, l.business_date) AS source_on
FROM commission_line AS v
CROSS JOIN LATERAL (  -- One by one: the lines of years stand in this table.
  SELECT i.business_date FROM commission_line AS i
  WHERE i.tenant_id = v.tenant_id AND i.partner_id = v.partner_id AND i.trade_id = v.trade_id
    AND i.revision = v.revision AND i.track = v.track AND i.component = 'base'
  OFFSET 0
) AS l
LEFT JOIN commission_hold AS h
  ON h.tenant_id = v.tenant_id AND h.partner_id = v.partner_id AND h.trade_id = v.trade_id
  AND h.revision = v.revision AND h.track = v.track
WHERE v.tenant_id = :tenant_id AND v.business_date = :business_date AND v.component = 'reversal'
  AND (h.outcome IS NULL AND h.held_on IS NULL OR h.outcome = 'cleared' AND h.decided_on <= :business_date)
UNION ALL
SELECT a.partner_id, a.track, a.amount,
  CASE a.component WHEN 'base' THEN a.business_date ELSE coalesce(w.decided_on, b.business_date) END AS source_on
FROM commission_award AS a
LEFT JOIN commission_award AS b
  ON b.tenant_id = a.tenant_id AND b.partner_id = a.partner_id AND b.kind = a.kind AND b.source_key = a.source_key
  AND b.component = 'base' AND a.component = 'reversal'
LEFT JOIN commission_award_hold AS w
  ON w.tenant_id = a.tenant_id AND w.partner_id = a.partner_id AND w.kind = a.kind AND w.source_key = a.source_key
WHERE a.tenant_id = :tenant_id AND a.business_date = :business_date AND a.amount < 0
  AND (w.held_on IS NULL OR w.outcome = 'cleared' AND w.decided_on <= :business_date)
UNION ALL
SELECT e.partner_id, e.track, e.amount, e.source_on FROM (/* include due_share_reversals */) AS e
