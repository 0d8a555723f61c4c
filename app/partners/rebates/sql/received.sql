-- What somebody received beside commission of their own, the newest trade first: shares of partners and the broker's
-- cashback, with where its money is.
SELECT e.trade_id, e.revision, e.track, e.kind, e.component, e.business_date, e.share, e.amount, e.giver_id, x.symbol,
  s.closed_at, s.lots, h.held_on, h.outcome AS hold_outcome, b.status AS batch_status, b.due_at
FROM (/* include received_list */) AS e
JOIN settled_trade AS s ON s.tenant_id = :tenant_id AND s.trade_id = e.trade_id AND s.revision = e.revision
JOIN closed_trade AS x ON x.tenant_id = :tenant_id AND x.id = e.trade_id
LEFT JOIN commission_hold AS h
  ON h.tenant_id = :tenant_id AND h.partner_id = e.holder_id AND h.trade_id = e.trade_id AND h.revision = e.revision
  AND h.track = e.source_track AND e.component = 'base'
LEFT JOIN commission_batch AS b
  ON b.tenant_id = :tenant_id AND b.partner_id = :client_id AND b.track = e.track AND b.sequence = 0
  AND b.business_date = coalesce(h.decided_on, e.business_date) AND e.component = 'base'
  AND (h.held_on IS NULL OR h.outcome = 'cleared')
ORDER BY e.trade_id DESC, e.revision DESC, e.track, e.kind, e.giver_id, e.component
