-- What each partner earned by a run, by the settlement day on which the trades were closed. A run is summed up once.
INSERT INTO partner_day_sum (tenant_id, business_date, partner_id, on_date, amount)
SELECT :tenant_id, l.business_date, l.partner_id,
  CAST(:first_day AS date) - 1 + width_bucket(s.closed_at, CAST(:day_starts AS timestamptz[])), sum(l.amount)
FROM commission_line AS l
JOIN settled_trade AS s ON s.tenant_id = l.tenant_id AND s.trade_id = l.trade_id AND s.revision = l.revision
WHERE l.tenant_id = :tenant_id AND l.business_date = :run_date AND l.component IN ('base', 'reversal')
  AND l.track IN ('god', 'referral')
GROUP BY l.business_date, l.partner_id, 4
ON CONFLICT DO NOTHING
