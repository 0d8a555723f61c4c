-- The opening spreads of each day that no run has summed yet. A day is summed once: its average never changes.
INSERT INTO symbol_spread_day (tenant_id, symbol, on_date, spread_total, samples)
SELECT :tenant_id, t.symbol, d.on_date, sum(t.open_ask - t.open_bid), count(*)
FROM unnest(CAST(:days AS date[])) AS d (on_date)
JOIN closed_trade AS t
  ON t.tenant_id = :tenant_id AND t.closed_at >= CAST(d.on_date AS timestamp) AT TIME ZONE 'UTC'
  AND t.closed_at < CAST(d.on_date + 1 AS timestamp) AT TIME ZONE 'UTC'
WHERE t.deleted_at IS NULL AND NOT t.is_demo AND t.open_bid > 0 AND t.open_ask >= t.open_bid
  AND NOT EXISTS (SELECT FROM symbol_spread_day AS s WHERE s.tenant_id = :tenant_id AND s.on_date = d.on_date)
GROUP BY t.symbol, d.on_date
ON CONFLICT DO NOTHING
