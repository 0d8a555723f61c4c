SELECT u.*
FROM (
  SELECT l.trade_id, l.revision, l.track, l.component, l.business_date, l.distance, l.level, l.rate, l.amount, l.cap,
    '' AS reason, l.partner_id AS holder_id, l.track AS source_track
  FROM commission_line AS l
  WHERE l.tenant_id = :tenant_id AND l.partner_id = :partner_id AND :kind <> 'unpaid'
    AND (CAST(:trade_id AS bigint) IS NULL OR l.trade_id = :trade_id)
  UNION ALL
  SELECT r.trade_id, r.revision, r.track, '', r.business_date, r.distance, r.distance, 0, 0, '', r.reason,
    r.partner_id, r.track
  FROM commission_reason AS r
  WHERE r.tenant_id = :tenant_id AND r.partner_id = :partner_id AND :kind <> 'paid'
    AND (CAST(:trade_id AS bigint) IS NULL OR r.trade_id = :trade_id)
  UNION ALL  -- What was shared of a line waits as long as the line does: its giver holds both.
  SELECT g.trade_id, g.revision, g.track, CASE g.component WHEN 'base' THEN 'share_given' ELSE 'share_given_reversal' END,
    g.business_date, g.distance, g.distance, g.share, -g.amount, '', '', g.giver_id, g.track
  FROM commission_share AS g
  WHERE g.tenant_id = :tenant_id AND g.giver_id = :partner_id AND :kind <> 'unpaid'
    AND (CAST(:trade_id AS bigint) IS NULL OR g.trade_id = :trade_id)
  UNION ALL
  SELECT g.trade_id, g.revision, g.received_track, CASE g.component WHEN 'base' THEN 'share' ELSE 'share_reversal' END,
    g.business_date, g.distance, g.distance, g.share, g.amount, '', '', g.giver_id, g.track
  FROM commission_share AS g
  WHERE g.tenant_id = :tenant_id AND g.receiver_id = :partner_id AND :kind <> 'unpaid'
    AND (CAST(:trade_id AS bigint) IS NULL OR g.trade_id = :trade_id)
) AS u
WHERE (CAST(:track AS text) = '' OR u.track = :track)
  AND (CAST(:reason AS text) = '' OR u.reason = :reason)
  AND (CAST(:day_from AS date) IS NULL OR u.business_date >= :day_from)
  AND (CAST(:day_to AS date) IS NULL OR u.business_date <= :day_to)
  AND (CAST(:symbol AS text) = '' OR EXISTS (
    SELECT FROM closed_trade AS x WHERE x.tenant_id = :tenant_id AND x.id = u.trade_id AND x.symbol = :symbol
  ))
  AND (CAST(:client_id AS uuid) IS NULL OR EXISTS (
    SELECT FROM settled_trade AS y
    WHERE y.tenant_id = :tenant_id AND y.trade_id = u.trade_id AND y.revision = u.revision AND y.client_id = :client_id
  ))
ORDER BY u.trade_id DESC, u.revision DESC, u.track, u.component
LIMIT :limit OFFSET :offset
