INSERT INTO commission_statement (
  tenant_id, partner_id, business_date, currency, line_count, reason_count, lines, held, carry_in, carry_out, posted_minor
)
SELECT :tenant_id, n.partner_id, :business_date, :currency, n.line_count, n.reason_count, n.lines, n.held, n.carry_in,
  n.carry_out, n.posted_minor
FROM left_in_plan AS n
WHERE n.line_count > 0 OR n.reason_count > 0 OR n.held <> 0 OR n.posted_minor <> 0 OR n.carry_in <> n.carry_out
