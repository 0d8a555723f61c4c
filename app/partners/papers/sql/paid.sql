-- What the batches of a partner's days consist of, amount by amount: lines, shares of lines and awards, each on the day
-- that paid it or took it back. A line that was held counts on the day that cleared it.
SELECT u.paid_on, u.what, u.trade_id, u.revision, u.track, u.component, u.level, u.rate, u.amount, u.award_kind, u.note,
  t.symbol, t.closed_at, s.lots, c.name AS client_name, c.number AS client_number
FROM (
  SELECT l.business_date AS paid_on, 'line' AS what, l.trade_id, l.revision, l.track, l.component, l.level, l.rate,
    l.amount, '' AS award_kind, '' AS note, CAST(NULL AS uuid) AS client_id
  FROM commission_line AS l
  LEFT JOIN commission_hold AS h
    ON h.tenant_id = l.tenant_id AND h.partner_id = l.partner_id AND h.trade_id = l.trade_id
    AND h.revision = l.revision AND h.track = l.track
  WHERE l.tenant_id = :tenant_id AND l.partner_id = :partner_id
    AND l.business_date >= :day_from AND l.business_date <= :day_to
    AND (
      l.component = 'base' AND h.held_on IS NULL
      OR l.component = 'reversal'
        AND (h.held_on IS NULL OR h.outcome = 'cleared' AND h.decided_on <= l.business_date)
    )
  UNION ALL
  SELECT h.decided_on, 'line', l.trade_id, l.revision, l.track, l.component, l.level, l.rate, l.amount, '', '', NULL
  FROM commission_hold AS h
  JOIN commission_line AS l
    ON l.tenant_id = h.tenant_id AND l.partner_id = h.partner_id AND l.trade_id = h.trade_id
    AND l.revision = h.revision AND l.track = h.track AND l.component = 'base'
  WHERE h.tenant_id = :tenant_id AND h.partner_id = :partner_id AND h.outcome = 'cleared'
    AND h.decided_on >= :day_from AND h.decided_on <= :day_to
  UNION ALL
  SELECT coalesce(w.decided_on, a.business_date), 'award', NULL, NULL, a.track, a.component, a.level, a.rate, a.amount,
    a.kind, a.reason_text, a.client_id
  FROM commission_award AS a
  LEFT JOIN commission_award_hold AS w
    ON w.tenant_id = a.tenant_id AND w.partner_id = a.partner_id AND w.kind = a.kind AND w.source_key = a.source_key
    AND a.component = 'base' AND a.amount > 0
  LEFT JOIN commission_award_hold AS o
    ON o.tenant_id = a.tenant_id AND o.partner_id = a.partner_id AND o.kind = a.kind AND o.source_key = a.source_key
    AND a.amount < 0
  WHERE a.tenant_id = :tenant_id AND a.partner_id = :partner_id
    AND (w.held_on IS NULL OR w.outcome = 'cleared')
    AND (o.held_on IS NULL OR o.outcome = 'cleared' AND o.decided_on <= a.business_date)
    AND coalesce(w.decided_on, a.business_date) >= :day_from AND coalesce(w.decided_on, a.business_date) <= :day_to
  UNION ALL
  SELECT CASE x.component WHEN 'base' THEN coalesce(h.decided_on, x.business_date) ELSE x.business_date END, 'share',
    x.trade_id, x.revision, y.track, x.component, 0, NULL, y.amount, '', y.direction, NULL
  FROM commission_share AS x
  CROSS JOIN LATERAL (
    VALUES (x.giver_id, x.track, -x.amount, 'given'), (x.receiver_id, x.received_track, x.amount, 'received')
  ) AS y (partner_id, track, amount, direction)
  LEFT JOIN commission_hold AS h
    ON h.tenant_id = x.tenant_id AND h.partner_id = x.giver_id AND h.trade_id = x.trade_id
    AND h.revision = x.revision AND h.track = x.track
  WHERE x.tenant_id = :tenant_id AND (x.giver_id = :partner_id OR x.receiver_id = :partner_id)
    AND y.partner_id = :partner_id
    AND (
      h.held_on IS NULL OR h.outcome = 'cleared' AND (x.component = 'base' OR h.decided_on <= x.business_date)
    )
    AND CASE x.component WHEN 'base' THEN coalesce(h.decided_on, x.business_date) ELSE x.business_date END
      BETWEEN :day_from AND :day_to
) AS u
LEFT JOIN settled_trade AS s
  ON s.tenant_id = :tenant_id AND s.trade_id = u.trade_id AND s.revision = u.revision
LEFT JOIN closed_trade AS t ON t.tenant_id = :tenant_id AND t.id = u.trade_id
LEFT JOIN client AS c ON c.tenant_id = :tenant_id AND c.id = coalesce(s.client_id, u.client_id)
ORDER BY u.paid_on, t.closed_at NULLS LAST, u.trade_id, u.track, u.what, u.component
LIMIT :limit
