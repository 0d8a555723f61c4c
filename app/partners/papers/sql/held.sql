-- Lines of a partner that began to wait, or stopped waiting, on these days.
SELECT h.held_on, h.decided_on, h.outcome, h.gates, h.trade_id, h.revision, h.track, l.amount, t.symbol, t.closed_at
FROM commission_hold AS h
JOIN commission_line AS l
  ON l.tenant_id = h.tenant_id AND l.partner_id = h.partner_id AND l.trade_id = h.trade_id
  AND l.revision = h.revision AND l.track = h.track AND l.component = 'base'
JOIN closed_trade AS t ON t.tenant_id = h.tenant_id AND t.id = h.trade_id
WHERE h.tenant_id = :tenant_id AND h.partner_id = :partner_id
  AND (h.held_on BETWEEN :day_from AND :day_to OR h.decided_on BETWEEN :day_from AND :day_to)
ORDER BY h.held_on, h.trade_id, h.track
LIMIT :limit
