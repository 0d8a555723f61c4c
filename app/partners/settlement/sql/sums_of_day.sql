/* What the day pays, by beneficiary and track, in the plan's currency. */
SELECT d.partner_id, d.track, d.track IN ('rebate', 'cashback') AS is_rebate, count(*) AS line_count,
  sum(d.amount) AS lines, sum(CASE WHEN :by_line THEN round_as(d.amount, :places, :mode) ELSE 0 END) AS rounded
FROM (/* include due_lines */) AS d
GROUP BY d.partner_id, d.track
