-- The lots of trades that this run takes back. Counted as a whole, so that a second run writes the same.
INSERT INTO commission_volume AS v (tenant_id, partner_id, track, month, business_date, lots, lots_back)
SELECT :tenant_id, l.partner_id, l.track,
  (CAST(:months AS date[]))[width_bucket(s.closed_at, CAST(:month_starts AS timestamptz[]))], :business_date, 0, sum(s.lots)
FROM closed_trade AS t
JOIN settled_trade AS s
  ON s.tenant_id = t.tenant_id AND s.trade_id = t.id AND (s.revision < t.revision OR t.deleted_at IS NOT NULL)
  AND s.business_date < :business_date
JOIN LATERAL (
  WITH RECURSIVE up AS (
    SELECT k.parent_id FROM partner_link AS k
    WHERE k.tenant_id = s.tenant_id AND k.child_id = s.client_id AND k.valid_from <= s.path_at AND k.valid_to > s.path_at
    UNION
    SELECT k.parent_id FROM up
    JOIN partner_link AS k
      ON k.tenant_id = s.tenant_id AND k.child_id = up.parent_id AND k.valid_from <= s.path_at AND k.valid_to > s.path_at
  ), paid AS (
    SELECT parent_id FROM up
    UNION  -- The path of that time, where the client was attributed anew since.
    SELECT unnest(k.partner_ids) FROM reattributed_trade AS k
    WHERE k.tenant_id = s.tenant_id AND k.trade_id = s.trade_id AND k.revision = s.revision
  )
  SELECT i.partner_id, i.track
  FROM paid JOIN commission_line AS i
    ON i.tenant_id = s.tenant_id AND i.partner_id = paid.parent_id AND i.trade_id = s.trade_id AND i.revision = s.revision
    AND i.component = 'reversal' AND i.business_date = :business_date
  UNION
  SELECT r.partner_id, r.track
  FROM paid JOIN commission_reason AS r
    ON r.tenant_id = s.tenant_id AND r.partner_id = paid.parent_id AND r.trade_id = s.trade_id AND r.revision = s.revision
    AND r.reason IN ('ZERO_AMOUNT', 'OVERLAP', 'CAP_REACHED')
) AS l ON true
WHERE t.tenant_id = :tenant_id AND t.batch_no > :batch_from AND (t.corrected_at IS NOT NULL OR t.deleted_at IS NOT NULL)
  AND EXISTS (
    SELECT FROM commission_volume AS w
    WHERE w.tenant_id = :tenant_id AND w.partner_id = l.partner_id AND w.track = l.track
      AND w.business_date = s.business_date
  )
  AND NOT EXISTS (  -- Of several revisions only the last that was settled before still counts.
    SELECT FROM settled_trade AS n
    WHERE n.tenant_id = s.tenant_id AND n.trade_id = s.trade_id AND n.revision > s.revision
      AND n.business_date < :business_date
  )
GROUP BY 1, 2, 3, 4
ON CONFLICT (tenant_id, partner_id, track, month, business_date) DO UPDATE SET lots_back = EXCLUDED.lots_back
