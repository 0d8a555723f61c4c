-- The lots of this slice by partner, track and month: where their months stand from here on.
INSERT INTO commission_volume AS v (tenant_id, partner_id, track, month, business_date, lots, lots_back)
SELECT :tenant_id, c.partner_id, c.track,
  (CAST(:months AS date[]))[width_bucket(t.closed_at, CAST(:month_starts AS timestamptz[]))], :business_date, sum(t.lots), 0
FROM candidate AS c
JOIN trade_now AS t ON t.trade_id = c.trade_id
WHERE (c.reason IS NULL OR c.reason = 'ZERO_AMOUNT') AND c.track = ANY (CAST(:tiered_tracks AS text[]))
GROUP BY 1, 2, 3, 4
ON CONFLICT (tenant_id, partner_id, track, month, business_date) DO UPDATE SET lots = v.lots + EXCLUDED.lots
