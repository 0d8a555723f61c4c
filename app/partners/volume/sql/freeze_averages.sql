-- The average opening spread of each symbol over the days before each day on which the run's trades were closed.
INSERT INTO run_spread (tenant_id, business_date, plan_number, symbol, on_date, average)
SELECT :tenant_id, :business_date, :plan_number, s.symbol, d.on_date, divide_even(sum(s.spread_total), sum(s.samples), 10)
FROM unnest(CAST(:days AS date[])) AS d (on_date)
JOIN symbol_spread_day AS s
  ON s.tenant_id = :tenant_id AND s.on_date < d.on_date AND s.on_date >= d.on_date - CAST(:average_days AS int)
GROUP BY s.symbol, d.on_date
ON CONFLICT DO NOTHING
