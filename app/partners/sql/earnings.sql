-- A partner's lines and reasons, the newest trade first: what was earned, and what was not with its reason. The key of
-- both tables gives this order, so a page reads no more than it shows.
SELECT e.trade_id, e.revision, e.track, e.component, e.business_date, e.distance, e.level, e.rate, e.amount, e.cap,
  e.reason, s.closed_at, s.lots, t.symbol, s.client_id, c.name AS client_name, c.number AS client_number,
  h.outcome AS hold_outcome, h.held_on, b.status AS batch_status, b.due_at
FROM (/* include earning_list */) AS e
JOIN settled_trade AS s ON s.tenant_id = :tenant_id AND s.trade_id = e.trade_id AND s.revision = e.revision
JOIN closed_trade AS t ON t.tenant_id = :tenant_id AND t.id = e.trade_id
JOIN client AS c ON c.tenant_id = :tenant_id AND c.id = s.client_id
LEFT JOIN commission_hold AS h
  ON h.tenant_id = :tenant_id AND h.partner_id = e.holder_id AND h.trade_id = e.trade_id AND h.revision = e.revision
  AND h.track = e.source_track AND e.component IN ('base', 'share', 'share_given')
LEFT JOIN commission_batch AS b
  ON b.tenant_id = :tenant_id AND b.partner_id = :partner_id AND b.track = e.track AND b.sequence = 0
  AND b.business_date = coalesce(h.decided_on, e.business_date) AND e.component <> ''
  AND (h.held_on IS NULL OR h.outcome = 'cleared')
ORDER BY e.trade_id DESC, e.revision DESC, e.track, e.component
