-- One batch per beneficiary and track: the day's exact sum, with the carry of the batch before, rounded once.
INSERT INTO commission_batch (
  tenant_id, partner_id, track, currency, business_date, sequence, purpose, line_count, lines, carry_in, carry_out,
  posted_minor, status, due_at
)
SELECT :tenant_id, b.partner_id, b.track, :currency, :business_date, 0, 'settle', b.line_count, b.lines, b.carry_in,
  b.carry_in + b.lines - b.posted, CAST(b.posted * power(10::numeric, :places) AS bigint), 'computed', :due_at
FROM (
  SELECT s.partner_id, s.track, s.line_count, s.lines, s.carry_in,
    CASE
      WHEN :by_line AND NOT s.is_rebate THEN s.rounded
      WHEN s.is_rebate AND abs(s.carry_in + s.lines) < :rebate_min THEN 0  -- It waits until it is worth a posting.
      ELSE round_as(s.carry_in + s.lines, :places, :mode)
    END AS posted
  FROM (
    SELECT d.partner_id, d.track, d.track IN ('rebate', 'cashback') AS is_rebate, count(*) AS line_count,
      sum(d.amount) AS lines,
      sum(CASE WHEN :by_line THEN round_as(d.amount, :places, :mode) ELSE 0 END) AS rounded,
      CASE WHEN :by_line AND d.track NOT IN ('rebate', 'cashback') THEN 0 ELSE coalesce((
        SELECT e.carry_out FROM commission_batch AS e
        WHERE e.tenant_id = :tenant_id AND e.partner_id = d.partner_id AND e.track = d.track AND e.currency = :currency
          AND e.business_date < :business_date
        ORDER BY e.business_date DESC, e.sequence DESC LIMIT 1
      ), 0) END AS carry_in
    FROM (/* include due_lines */) AS d
    GROUP BY d.partner_id, d.track
  ) AS s
) AS b
ORDER BY b.partner_id, b.track  -- Every carry is looked up before the first row is written.
ON CONFLICT DO NOTHING
