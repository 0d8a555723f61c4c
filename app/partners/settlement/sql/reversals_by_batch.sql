-- What the day's reversing lines take back, by the batch that held them: those still under audit first. Each goes back in
-- the currency of that batch and at its rate.
SELECT r.partner_id, r.track, r.source_on, count(*) AS line_count, sum(r.amount) AS lines,
  sum(CASE WHEN :by_line THEN round_as(r.amount, :places, :mode) ELSE 0 END) AS rounded,
  bool_or(b.status = 'posted') AS is_under_audit,
  coalesce(b.currency, w.currency, :currency) AS currency,
  CASE WHEN b.currency IS NULL THEN w.multiply ELSE b.multiply END AS multiply,
  CASE WHEN b.currency IS NULL THEN w.divide ELSE b.divide END AS divide,
  CASE WHEN b.currency IS NULL THEN w.source ELSE b.rate_source END AS rate_source,
  CASE WHEN b.currency IS NULL THEN w.quoted_at ELSE b.rate_at END AS rate_at
FROM (/* include due_reversals */) AS r
LEFT JOIN commission_batch AS b
  ON b.tenant_id = :tenant_id AND b.partner_id = r.partner_id AND b.track = r.track AND b.business_date = r.source_on
  AND b.sequence = 0 AND b.purpose = 'settle'
LEFT JOIN run_wallet AS w
  ON w.tenant_id = :tenant_id AND w.business_date = :business_date AND w.partner_id = r.partner_id
WHERE NOT EXISTS (  -- Not taken back before: a run that is taken up again goes on where it stopped.
  SELECT FROM commission_batch AS k
  WHERE k.tenant_id = :tenant_id AND k.partner_id = r.partner_id AND k.track = r.track
    AND k.business_date = :business_date AND k.purpose = 'clawback' AND k.source_on = r.source_on
)
GROUP BY r.partner_id, r.track, r.source_on, b.currency, b.multiply, b.divide, b.rate_source, b.rate_at, w.currency,
  w.multiply, w.divide, w.source, w.quoted_at
ORDER BY bool_or(b.status = 'posted') DESC NULLS LAST, r.source_on, r.partner_id, r.track
