-- A partner's lines and reasons, the newest trade first: what was earned, and what was not with its reason.
SELECT e.trade_id, e.revision, e.track, e.component, e.business_date, e.distance, e.level, e.rate, e.amount, e.cap,
  e.reason, s.closed_at, s.lots, t.symbol, s.client_id, c.name AS client_name, c.number AS client_number,
  h.outcome AS hold_outcome, h.held_on, b.status AS batch_status, b.due_at, count(*) OVER () AS total
FROM (
  SELECT l.trade_id, l.revision, l.track, l.component, l.business_date, l.distance, l.level, l.rate, l.amount, l.cap,
    '' AS reason
  FROM commission_line AS l
  WHERE l.tenant_id = :tenant_id AND l.partner_id = :partner_id AND :kind <> 'unpaid'
  UNION ALL
  SELECT r.trade_id, r.revision, r.track, '', r.business_date, r.distance, r.distance, 0, 0, '', r.reason
  FROM commission_reason AS r
  WHERE r.tenant_id = :tenant_id AND r.partner_id = :partner_id AND :kind <> 'paid'
) AS e
JOIN settled_trade AS s ON s.tenant_id = :tenant_id AND s.trade_id = e.trade_id AND s.revision = e.revision
JOIN closed_trade AS t ON t.tenant_id = :tenant_id AND t.id = e.trade_id
JOIN client AS c ON c.tenant_id = :tenant_id AND c.id = s.client_id
LEFT JOIN commission_hold AS h
  ON h.tenant_id = :tenant_id AND h.partner_id = :partner_id AND h.trade_id = e.trade_id AND h.revision = e.revision
  AND h.track = e.track AND e.component = 'base'
LEFT JOIN commission_batch AS b
  ON b.tenant_id = :tenant_id AND b.partner_id = :partner_id AND b.track = e.track AND b.sequence = 0
  AND b.business_date = coalesce(h.decided_on, e.business_date) AND e.component <> ''
  AND (h.held_on IS NULL OR h.outcome = 'cleared')
WHERE (CAST(:track AS text) = '' OR e.track = :track)
  AND (CAST(:day_from AS date) IS NULL OR e.business_date >= :day_from)
  AND (CAST(:day_to AS date) IS NULL OR e.business_date <= :day_to)
  AND (CAST(:symbol AS text) = '' OR t.symbol = :symbol)
  AND (CAST(:trade_id AS bigint) IS NULL OR e.trade_id = :trade_id)
  AND (CAST(:client_id AS uuid) IS NULL OR s.client_id = :client_id)
ORDER BY s.closed_at DESC, e.trade_id DESC, e.track, e.component
LIMIT :limit OFFSET :offset
