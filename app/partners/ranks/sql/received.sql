-- What each partner received with this day: lines and awards that are due, without what ranks share in; what is taken
-- back stands apart, by the day that had brought it.
SELECT d.partner_id, d.source_on, sum(d.amount) AS amount
FROM (
  SELECT l.partner_id, CAST(NULL AS date) AS source_on, l.amount
  FROM commission_line AS l
  WHERE l.tenant_id = :tenant_id AND l.business_date = :business_date AND l.component = 'base'
    AND NOT EXISTS (
      SELECT FROM commission_hold AS h
      WHERE h.tenant_id = l.tenant_id AND h.partner_id = l.partner_id AND h.trade_id = l.trade_id
        AND h.revision = l.revision AND h.track = l.track AND h.held_on = l.business_date
    )
  UNION ALL
  SELECT l.partner_id, NULL, l.amount
  FROM commission_hold AS h
  JOIN commission_line AS l
    ON l.tenant_id = h.tenant_id AND l.partner_id = h.partner_id AND l.trade_id = h.trade_id
    AND l.revision = h.revision AND l.track = h.track AND l.component = 'base'
  WHERE h.tenant_id = :tenant_id AND h.decided_on = :business_date AND h.outcome = 'cleared'
  UNION ALL
  SELECT a.partner_id, NULL, a.amount
  FROM commission_award AS a
  WHERE a.tenant_id = :tenant_id AND a.business_date = :business_date AND a.component = 'base'
    AND a.kind IN ('cpa', 'pct_deposit', 'revenue_share', 'true_up')
    AND NOT EXISTS (
      SELECT FROM commission_award_hold AS w
      WHERE w.tenant_id = a.tenant_id AND w.partner_id = a.partner_id AND w.kind = a.kind AND w.source_key = a.source_key
    )
  UNION ALL
  SELECT v.partner_id, coalesce(h.decided_on, l.business_date), v.amount
  FROM commission_line AS v
  JOIN commission_line AS l
    ON l.tenant_id = v.tenant_id AND l.partner_id = v.partner_id AND l.trade_id = v.trade_id AND l.revision = v.revision
    AND l.track = v.track AND l.component = 'base'
  LEFT JOIN commission_hold AS h
    ON h.tenant_id = l.tenant_id AND h.partner_id = l.partner_id AND h.trade_id = l.trade_id
    AND h.revision = l.revision AND h.track = l.track
  WHERE v.tenant_id = :tenant_id AND v.business_date = :business_date AND v.component = 'reversal'
    AND (h.held_on IS NULL OR h.outcome = 'cleared')
) AS d
GROUP BY d.partner_id, d.source_on
