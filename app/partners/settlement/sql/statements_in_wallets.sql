-- Statements in other currencies. Each takes its lines out of the partner's statement in the plan's currency; what is left
-- of that one stands beside it, and nothing of it is left where all is paid in the other currency.
INSERT INTO commission_statement (
  tenant_id, partner_id, business_date, currency, line_count, reason_count, lines, held, carry_in, carry_out, posted_minor,
  converted
)
SELECT :tenant_id, m.partner_id, :business_date, m.currency, m.line_count,
  CASE WHEN w.currency = m.currency THEN t.reason_count ELSE 0 END, m.lines,
  CASE WHEN w.currency = m.currency THEN t.held ELSE 0 END, c.carry_in, c.carry_out, c.posted_minor, m.converted
FROM (
  SELECT y.partner_id, y.currency, sum(y.line_count) AS line_count, sum(y.lines) AS lines, sum(y.converted) AS converted
  FROM (
    SELECT b.partner_id, b.currency, u.line_count, u.lines, coalesce(divide_even(u.lines * b.multiply, b.divide, 10), u.lines)
      AS converted
    FROM (/* include lines_by_batch */) AS u
    JOIN commission_batch AS b
      ON b.tenant_id = :tenant_id AND b.business_date = :business_date AND b.partner_id = u.partner_id
      AND b.track = u.track AND coalesce(b.source_on, DATE '0001-01-01') = u.source_on
    WHERE b.currency <> :currency
  ) AS y
  GROUP BY y.partner_id, y.currency
) AS m
JOIN (
  SELECT x.partner_id, x.currency, sum(x.carry_in) FILTER (WHERE x.is_first) AS carry_in,
    sum(x.carry_in) FILTER (WHERE x.is_first) - sum(x.carry_in - x.carry_out) AS carry_out,
    sum(x.posted_minor) AS posted_minor
  FROM (
    SELECT k.*, k.sequence = min(k.sequence) OVER (PARTITION BY k.partner_id, k.track, k.currency) AS is_first
    FROM commission_batch AS k
    WHERE k.tenant_id = :tenant_id AND k.business_date = :business_date AND k.currency <> :currency
  ) AS x
  GROUP BY x.partner_id, x.currency
) AS c ON c.partner_id = m.partner_id AND c.currency = m.currency
JOIN commission_statement AS t
  ON t.tenant_id = :tenant_id AND t.business_date = :business_date AND t.partner_id = m.partner_id
  AND t.currency = :currency
LEFT JOIN run_wallet AS w
  ON w.tenant_id = :tenant_id AND w.business_date = :business_date AND w.partner_id = m.partner_id
