SELECT u.*
FROM (
  SELECT r.trade_id, r.revision, r.received_track AS track, r.kind, r.component, r.business_date, r.share, r.amount,
    r.giver_id, r.giver_id AS holder_id, r.track AS source_track
  FROM commission_share AS r
  WHERE r.tenant_id = :tenant_id AND r.receiver_id = :client_id AND r.received_track = ANY (CAST(:tracks AS text[]))
  UNION ALL
  SELECT l.trade_id, l.revision, l.track, 'cashback', l.component, l.business_date, l.rate, l.amount,
    NULL, l.partner_id, l.track
  FROM commission_line AS l
  WHERE l.tenant_id = :tenant_id AND l.partner_id = :client_id AND l.track = 'cashback'
    AND 'cashback' = ANY (CAST(:tracks AS text[]))
) AS u
ORDER BY u.trade_id DESC, u.revision DESC, u.track, u.kind, u.giver_id, u.component
LIMIT :limit OFFSET :offset
