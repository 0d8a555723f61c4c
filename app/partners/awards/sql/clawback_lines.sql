/* The lines that a client's trades brought since a day and that stand: not reversed, of the trade's last revision. */
SELECT l.partner_id, l.trade_id, l.revision, l.track, l.distance, l.level, l.rate, l.amount_before_cap, l.amount, l.cap,
  l.business_date
FROM closed_trade AS t
JOIN settled_trade AS s ON s.tenant_id = t.tenant_id AND s.trade_id = t.id AND s.business_date >= :since
CROSS JOIN LATERAL (
  WITH RECURSIVE up AS (
    SELECT k.parent_id FROM partner_link AS k
    WHERE k.tenant_id = s.tenant_id AND k.child_id = s.client_id AND k.valid_from <= s.path_at AND k.valid_to > s.path_at
    UNION
    SELECT k.parent_id FROM up
    JOIN partner_link AS k
      ON k.tenant_id = s.tenant_id AND k.child_id = up.parent_id AND k.valid_from <= s.path_at AND k.valid_to > s.path_at
  )
  SELECT parent_id AS beneficiary_id FROM up
  UNION SELECT s.client_id
  UNION SELECT unnest(r.partner_ids) FROM reattributed_trade AS r
  WHERE r.tenant_id = s.tenant_id AND r.trade_id = s.trade_id AND r.revision = s.revision
) AS b
JOIN commission_line AS l
  ON l.tenant_id = s.tenant_id AND l.partner_id = b.beneficiary_id AND l.trade_id = s.trade_id
  AND l.revision = s.revision AND l.component = 'base'
WHERE t.tenant_id = :tenant_id AND t.client_id = :client_id
  AND NOT EXISTS (
    SELECT FROM commission_line AS v
    WHERE v.tenant_id = l.tenant_id AND v.partner_id = l.partner_id AND v.trade_id = l.trade_id
      AND v.revision = l.revision AND v.track = l.track AND v.component = 'reversal'
  )
