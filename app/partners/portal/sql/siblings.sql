-- Every line and reason of one trade, nearest first. The keys lead with the partner, so the path says where to look.
SELECT o.partner_id, o.track, o.distance, o.level, o.rate, o.amount_before_cap, o.amount, o.cap, o.reason
FROM (
  SELECT l.partner_id, l.track, l.distance, l.level, l.rate, l.amount_before_cap, l.amount, l.cap, '' AS reason
  FROM commission_line AS l
  WHERE l.tenant_id = :tenant_id AND l.partner_id = ANY (CAST(:partner_ids AS uuid[])) AND l.trade_id = :trade_id
    AND l.revision = :revision AND l.component = 'base'
  UNION ALL
  SELECT r.partner_id, r.track, r.distance, r.distance, 0, 0, 0, '', r.reason
  FROM commission_reason AS r
  WHERE r.tenant_id = :tenant_id AND r.partner_id = ANY (CAST(:partner_ids AS uuid[])) AND r.trade_id = :trade_id
    AND r.revision = :revision
) AS o
ORDER BY o.distance, o.track
