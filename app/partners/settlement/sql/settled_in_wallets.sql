/* Some partners are paid in another currency: their day is converted once, at the rate that the run has frozen. */
SELECT y.partner_id, y.track, y.is_rebate, y.line_count, y.lines,
  CASE
    WHEN w.partner_id IS NULL THEN y.rounded
    WHEN :by_line THEN round_as(divide_even(y.rounded * w.multiply, w.divide, 10), w.places, :mode)
    ELSE 0
  END AS rounded,
  coalesce(divide_even(y.lines * w.multiply, w.divide, 10), y.lines) AS settled, coalesce(w.currency, :currency) AS currency,
  coalesce(w.places, :places) AS places,
  coalesce(divide_even(:rebate_min * w.multiply, w.divide, 10), :rebate_min) AS least,
  divide_even(y.lines * w.multiply, w.divide, 10) AS converted, w.multiply, w.divide, w.source, w.quoted_at
FROM (/* include sums_of_day */) AS y
LEFT JOIN run_wallet AS w
  ON w.tenant_id = :tenant_id AND w.business_date = :business_date AND w.partner_id = y.partner_id
