-- Lines of trades that the platform has corrected or taken away since they were settled: the exact opposite, pointing at
-- the line by its key. Nobody off the path of that time can have one. The trade is settled anew, in its new revision.
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
  WITH RECURSIVE up AS (
    SELECT k.parent_id FROM partner_link AS k
    WHERE k.tenant_id = s.tenant_id AND k.child_id = s.client_id AND k.valid_from <= s.path_at AND k.valid_to > s.path_at
    UNION
    SELECT k.parent_id FROM up
    JOIN partner_link AS k
      ON k.tenant_id = s.tenant_id AND k.child_id = up.parent_id AND k.valid_from <= s.path_at AND k.valid_to > s.path_at
  )
  SELECT parent_id AS beneficiary_id FROM up
  UNION  -- The path of that time, where the client was attributed anew since.
  SELECT unnest(k.partner_ids) FROM reattributed_trade AS k
  WHERE k.tenant_id = s.tenant_id AND k.trade_id = s.trade_id AND k.revision = s.revision
) AS b ON true
JOIN commission_line AS l
  ON l.tenant_id = s.tenant_id AND l.partner_id = b.beneficiary_id AND l.trade_id = s.trade_id
  AND l.revision = s.revision AND l.component = 'base'
WHERE t.tenant_id = :tenant_id AND t.batch_no > :batch_from AND (t.corrected_at IS NOT NULL OR t.deleted_at IS NOT NULL)
ON CONFLICT DO NOTHING
