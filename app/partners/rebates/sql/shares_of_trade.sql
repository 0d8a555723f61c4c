-- What of one trade's lines somebody gave or received.
SELECT s.giver_id, s.receiver_id, s.track, s.kind, s.component, s.business_date, s.distance, s.share, s.line_amount,
  s.amount, g.name AS giver_name, r.name AS receiver_name, h.held_on, h.outcome AS hold_outcome
FROM (
  SELECT * FROM commission_share AS a
  WHERE a.tenant_id = :tenant_id AND a.giver_id = :person_id AND a.trade_id = :trade_id AND a.revision = :revision
  UNION ALL
  SELECT * FROM commission_share AS b
  WHERE b.tenant_id = :tenant_id AND b.receiver_id = :person_id AND b.trade_id = :trade_id AND b.revision = :revision
) AS s
JOIN client AS g ON g.tenant_id = s.tenant_id AND g.id = s.giver_id
JOIN client AS r ON r.tenant_id = s.tenant_id AND r.id = s.receiver_id
LEFT JOIN commission_hold AS h
  ON h.tenant_id = s.tenant_id AND h.partner_id = s.giver_id AND h.trade_id = s.trade_id AND h.revision = s.revision
  AND h.track = s.track AND h.outcome IS DISTINCT FROM 'cleared'
ORDER BY s.distance, s.track, s.kind, s.component
