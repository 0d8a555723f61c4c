-- What each partner has used of each period before this run: what earlier runs paid for trades that were closed in it,
-- less what was given up since and what this run takes back.
INSERT INTO run_used_cap (tenant_id, business_date, plan_number, partner_id, period, begins_on, written_at, used)
SELECT :tenant_id, :business_date, :plan_number, u.partner_id, p.period, p.begins_on, CAST(:at_start AS timestamptz),
  sum(u.amount)
FROM unnest(CAST(:periods AS text[]), CAST(:begins AS date[]), CAST(:ends AS date[])) AS p (period, begins_on, ends_on)
JOIN (
  SELECT d.partner_id, d.on_date, d.amount
  FROM partner_day_sum AS d
  WHERE d.tenant_id = :tenant_id AND d.business_date < :business_date
  UNION ALL
  SELECT l.partner_id, CAST(:first_day AS date) - 1 + width_bucket(s.closed_at, CAST(:day_starts AS timestamptz[])), l.amount
  FROM commission_line AS l
  JOIN settled_trade AS s ON s.tenant_id = l.tenant_id AND s.trade_id = l.trade_id AND s.revision = l.revision
  WHERE l.tenant_id = :tenant_id AND l.business_date = :business_date AND l.component = 'reversal'
    AND l.track IN ('god', 'referral')
  UNION ALL
  SELECT l.partner_id, CAST(:first_day AS date) - 1 + width_bucket(s.closed_at, CAST(:day_starts AS timestamptz[])), -l.amount
  FROM commission_hold AS h
  JOIN commission_line AS l
    ON l.tenant_id = h.tenant_id AND l.partner_id = h.partner_id AND l.trade_id = h.trade_id
    AND l.revision = h.revision AND l.track = h.track AND l.component = 'base'
  JOIN settled_trade AS s ON s.tenant_id = l.tenant_id AND s.trade_id = l.trade_id AND s.revision = l.revision
  WHERE h.tenant_id = :tenant_id AND h.outcome = 'rejected' AND h.decided_on >= CAST(:first_day AS date)
    AND h.decided_on < :business_date
    AND NOT EXISTS (  -- Taken back already.
      SELECT FROM commission_line AS v
      WHERE v.tenant_id = l.tenant_id AND v.partner_id = l.partner_id AND v.trade_id = l.trade_id
        AND v.revision = l.revision AND v.track = l.track AND v.component = 'reversal'
    )
) AS u ON u.on_date >= p.begins_on AND u.on_date < p.ends_on
GROUP BY u.partner_id, p.period, p.begins_on
ON CONFLICT DO NOTHING
