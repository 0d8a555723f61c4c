-- One batch per beneficiary and track: the day's exact sum, with the carry of the batch before, rounded once. What comes
-- in place of "settled" says in which currency.
INSERT INTO commission_batch (
  tenant_id, partner_id, track, currency, business_date, sequence, purpose, line_count, lines, carry_in, carry_out,
  posted_minor, status, due_at, converted, multiply, divide, rate_source, rate_at
)
SELECT :tenant_id, b.partner_id, b.track, b.currency, :business_date, 0, 'settle', b.line_count, b.lines, b.carry_in,
  b.carry_in + b.settled - b.posted, CAST(b.posted * power(10::numeric, b.places) AS bigint), 'computed', :due_at,
  b.converted, b.multiply, b.divide, b.source, b.quoted_at
FROM (
  SELECT s.*,
    CASE
      WHEN :by_line AND NOT s.is_rebate THEN s.rounded
      WHEN s.is_rebate AND abs(s.carry_in + s.settled) < s.least THEN 0  -- It waits until it is worth a posting.
      ELSE round_as(s.carry_in + s.settled, s.places, :mode)
    END AS posted
  FROM (
    SELECT i.*,
      CASE WHEN :by_line AND NOT i.is_rebate THEN 0 ELSE coalesce((
        SELECT e.carry_out FROM commission_batch AS e
        WHERE e.tenant_id = :tenant_id AND e.partner_id = i.partner_id AND e.track = i.track AND e.currency = i.currency
          AND e.business_date < :business_date
        ORDER BY e.business_date DESC, e.sequence DESC LIMIT 1
      ), 0) END AS carry_in
    FROM (/* settled */) AS i
  ) AS s
) AS b
ORDER BY b.partner_id, b.track  -- Every carry is looked up before the first row is written.
ON CONFLICT DO NOTHING
