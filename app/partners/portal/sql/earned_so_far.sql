-- What the day's lines give each partner by track; what waits for an examination is not among it.
SELECT l.partner_id, l.track, count(*) AS trades, sum(s.lots) AS lots, sum(l.amount) AS amount
FROM pg_temp.commission_line AS l
JOIN pg_temp.settled_trade AS s ON s.trade_id = l.trade_id AND s.revision = l.revision
WHERE l.component = 'base'
  AND NOT EXISTS (
    SELECT FROM pg_temp.commission_hold AS h
    WHERE h.partner_id = l.partner_id AND h.trade_id = l.trade_id AND h.revision = l.revision AND h.track = l.track
  )
GROUP BY l.partner_id, l.track
