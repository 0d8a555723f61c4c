-- Lines of trades that the platform has corrected or taken away since they were settled: the exact opposite, pointing at
-- the line by its key. The corrected trade itself is settled anew, in its new revision.
INSERT INTO commission_line (
  tenant_id, partner_id, trade_id, revision, track, component, business_date, distance, level, rate, amount_before_cap,
  amount, cap
)
SELECT l.tenant_id, l.partner_id, l.trade_id, l.revision, l.track, 'reversal', :business_date, l.distance, l.level, l.rate,
  -l.amount_before_cap, -l.amount, l.cap
FROM closed_trade AS t
JOIN settled_trade AS s
  ON s.tenant_id = t.tenant_id AND s.trade_id = t.id AND (s.revision < t.revision OR t.deleted_at IS NOT NULL)
JOIN LATERAL (
  SELECT DISTINCT r.beneficiary_id FROM receiver AS r WHERE r.tenant_id = s.tenant_id AND r.client_id = s.client_id
  UNION SELECT DISTINCT r.beneficiary_id FROM run_receiver AS r
  WHERE r.tenant_id = s.tenant_id AND r.client_id = s.client_id AND r.business_date = s.business_date
) AS b ON true
JOIN commission_line AS l
  ON l.tenant_id = s.tenant_id AND l.partner_id = b.beneficiary_id AND l.trade_id = s.trade_id
  AND l.revision = s.revision AND l.component = 'base'
WHERE t.tenant_id = :tenant_id AND t.batch_no > :batch_from AND (t.corrected_at IS NOT NULL OR t.deleted_at IS NOT NULL)
ON CONFLICT DO NOTHING
