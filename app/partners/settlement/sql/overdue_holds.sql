-- Money that has been held since a day or longer, with who held the trade: lines, and awards as they are.
SELECT h.partner_id, h.trade_id, h.revision, h.track, '' AS award_kind, '' AS source_key, h.gates, h.held_on,
  h.escalated_on, l.amount, t.symbol, t.closed_at, v.reason AS verdict_reason, v.decided_by, v.decided_by_id
FROM commission_hold AS h
CROSS JOIN LATERAL (  -- One by one: the lines of years stand in this table.
  SELECT i.amount FROM commission_line AS i
  WHERE i.tenant_id = h.tenant_id AND i.partner_id = h.partner_id AND i.trade_id = h.trade_id
    AND i.revision = h.revision AND i.track = h.track AND i.component = 'base'
  OFFSET 0
) AS l
JOIN closed_trade AS t ON t.tenant_id = h.tenant_id AND t.id = h.trade_id
LEFT JOIN trade_verdict AS v ON v.tenant_id = h.tenant_id AND v.trade_id = h.trade_id AND v.verdict = 'hold'
WHERE h.tenant_id = :tenant_id AND h.outcome IS NULL AND h.held_on <= :since
UNION ALL
SELECT w.partner_id, NULL, NULL, a.track, w.kind, w.source_key, w.gates, w.held_on, w.escalated_on, a.amount, NULL, NULL,
  NULL, NULL, NULL
FROM commission_award_hold AS w
JOIN commission_award AS a
  ON a.tenant_id = w.tenant_id AND a.partner_id = w.partner_id AND a.kind = w.kind AND a.source_key = w.source_key
  AND a.component = 'base'
WHERE w.tenant_id = :tenant_id AND w.outcome IS NULL AND w.held_on <= :since
ORDER BY held_on, partner_id, trade_id, track
LIMIT :limit OFFSET :offset
