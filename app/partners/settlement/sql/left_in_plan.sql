-- What is left of statements in the plan's currency once those in other currencies have taken theirs.
CREATE TEMPORARY TABLE left_in_plan ON COMMIT DROP AS
SELECT t.partner_id, t.line_count - m.line_count AS line_count, t.reason_count - m.reason_count AS reason_count,
  t.lines - m.lines AS lines, t.held - m.held AS held, t.carry_in, t.carry_out, t.posted_minor
FROM commission_statement AS t
JOIN (
  SELECT partner_id, sum(line_count) AS line_count, sum(reason_count) AS reason_count, sum(lines) AS lines, sum(held) AS held
  FROM commission_statement
  WHERE tenant_id = :tenant_id AND business_date = :business_date AND currency <> :currency
  GROUP BY partner_id
) AS m ON m.partner_id = t.partner_id
WHERE t.tenant_id = :tenant_id AND t.business_date = :business_date AND t.currency = :currency
