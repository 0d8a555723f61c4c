-- One statement per beneficiary and day, summed up from the lines and reasons themselves.
INSERT INTO commission_statement (
  tenant_id, partner_id, business_date, currency, line_count, reason_count, lines, held, carry_in, carry_out, posted_minor
)
SELECT :tenant_id, p.partner_id, :business_date, :currency, coalesce(l.line_count, 0), coalesce(r.reason_count, 0),
  coalesce(l.lines, 0), coalesce(h.held, 0), coalesce(b.carry_in, 0), coalesce(b.carry_out, 0), coalesce(b.posted_minor, 0)
FROM (
  SELECT partner_id FROM commission_line WHERE tenant_id = :tenant_id AND business_date = :business_date
  UNION SELECT partner_id FROM commission_award WHERE tenant_id = :tenant_id AND business_date = :business_date
  UNION SELECT partner_id FROM commission_reason WHERE tenant_id = :tenant_id AND business_date = :business_date
  UNION SELECT partner_id FROM commission_batch WHERE tenant_id = :tenant_id AND business_date = :business_date
) AS p
LEFT JOIN (
  SELECT d.partner_id, count(*) AS line_count, sum(d.amount) AS lines
  FROM (
    /* include due_lines */
    UNION ALL
    SELECT v.partner_id, v.track, v.amount FROM (/* include due_reversals */) AS v
  ) AS d
  GROUP BY d.partner_id
) AS l ON l.partner_id = p.partner_id
LEFT JOIN (
  SELECT partner_id, count(*) AS reason_count FROM commission_reason
  WHERE tenant_id = :tenant_id AND business_date = :business_date GROUP BY partner_id
) AS r ON r.partner_id = p.partner_id
LEFT JOIN (
  SELECT u.partner_id, sum(u.amount) AS held
  FROM (
    SELECT o.partner_id, i.amount
    FROM commission_hold AS o
    JOIN commission_line AS i
      ON i.tenant_id = o.tenant_id AND i.partner_id = o.partner_id AND i.trade_id = o.trade_id
      AND i.revision = o.revision AND i.track = o.track AND i.component = 'base'
    WHERE o.tenant_id = :tenant_id AND o.held_on = :business_date
    UNION ALL
    SELECT w.partner_id, a.amount
    FROM commission_award_hold AS w
    JOIN commission_award AS a
      ON a.tenant_id = w.tenant_id AND a.partner_id = w.partner_id AND a.kind = w.kind AND a.source_key = w.source_key
      AND a.component = 'base'
    WHERE w.tenant_id = :tenant_id AND w.held_on = :business_date
  ) AS u
  GROUP BY u.partner_id
) AS h ON h.partner_id = p.partner_id
LEFT JOIN (
  SELECT c.partner_id, sum(c.posted_minor) AS posted_minor, sum(c.carry_in) FILTER (WHERE c.is_first) AS carry_in,
    sum(c.carry_in) FILTER (WHERE c.is_first) - sum(c.carry_in - c.carry_out) AS carry_out
  FROM (
    SELECT k.*, k.sequence = min(k.sequence) OVER same AS is_first
    FROM commission_batch AS k
    WHERE k.tenant_id = :tenant_id AND k.business_date = :business_date AND k.currency = :currency
    WINDOW same AS (PARTITION BY k.partner_id, k.track)
  ) AS c
  GROUP BY c.partner_id
) AS b ON b.partner_id = p.partner_id
ON CONFLICT DO NOTHING
