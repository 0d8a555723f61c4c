-- One statement per beneficiary and day, summed up from the lines and reasons themselves. What goes into it is one list of
-- sums: joined to each other, sums of a number that nobody can guess might be compared one by one.
INSERT INTO commission_statement (
  tenant_id, partner_id, business_date, currency, line_count, reason_count, lines, held, carry_in, carry_out, posted_minor
)
SELECT :tenant_id, p.partner_id, :business_date, :currency, sum(p.line_count), sum(p.reason_count), sum(p.lines),
  sum(p.held), sum(p.carry_in), sum(p.carry_out), sum(p.posted_minor)
FROM (
  SELECT d.partner_id, count(*) AS line_count, 0 AS reason_count, sum(d.amount) AS lines, 0 AS held, 0 AS carry_in,
    0 AS carry_out, 0 AS posted_minor
  FROM (
    /* include due_lines */
    UNION ALL
    SELECT v.partner_id, v.track, v.amount FROM (/* include due_reversals */) AS v
  ) AS d
  GROUP BY d.partner_id
  UNION ALL
  SELECT partner_id, 0, count(*), 0, 0, 0, 0, 0
  FROM commission_reason
  WHERE tenant_id = :tenant_id AND business_date = :business_date
  GROUP BY partner_id
  UNION ALL
  SELECT u.partner_id, 0, 0, 0, sum(u.amount), 0, 0, 0
  FROM (
    SELECT o.partner_id, i.amount
    FROM commission_hold AS o
    CROSS JOIN LATERAL (
      SELECT k.amount FROM commission_line AS k
      WHERE k.tenant_id = o.tenant_id AND k.partner_id = o.partner_id AND k.trade_id = o.trade_id
        AND k.revision = o.revision AND k.track = o.track AND k.component = 'base'
      OFFSET 0
    ) AS i
    WHERE o.tenant_id = :tenant_id AND o.held_on = :business_date
    UNION ALL
    SELECT w.partner_id, a.amount
    FROM commission_award_hold AS w
    JOIN commission_award AS a
      ON a.tenant_id = w.tenant_id AND a.partner_id = w.partner_id AND a.kind = w.kind AND a.source_key = w.source_key
      AND a.component = 'base'
    WHERE w.tenant_id = :tenant_id AND w.held_on = :business_date
    UNION ALL
    SELECT y.partner_id, y.amount
    FROM commission_hold AS o
    JOIN commission_share AS s
      ON s.tenant_id = o.tenant_id AND s.giver_id = o.partner_id AND s.trade_id = o.trade_id
      AND s.revision = o.revision AND s.track = o.track AND s.component = 'base'
    CROSS JOIN LATERAL (VALUES (s.giver_id, -s.amount), (s.receiver_id, s.amount)) AS y (partner_id, amount)
    WHERE o.tenant_id = :tenant_id AND o.held_on = :business_date
  ) AS u
  GROUP BY u.partner_id
  UNION ALL
  SELECT c.partner_id, 0, 0, 0, 0, sum(c.carry_in) FILTER (WHERE c.is_first),
    sum(c.carry_in) FILTER (WHERE c.is_first) - sum(c.carry_in - c.carry_out), sum(c.posted_minor)
  FROM (
    SELECT k.*, k.sequence = min(k.sequence) OVER same AS is_first
    FROM commission_batch AS k
    WHERE k.tenant_id = :tenant_id AND k.business_date = :business_date AND k.currency = :currency
    WINDOW same AS (PARTITION BY k.partner_id, k.track)
  ) AS c
  GROUP BY c.partner_id
  UNION ALL  -- Whoever has something on this day that no money follows gets a statement, too.
  SELECT q.partner_id, 0, 0, 0, 0, 0, 0, 0
  FROM (
    SELECT partner_id FROM commission_line
    WHERE tenant_id = :tenant_id AND business_date = :business_date AND component = 'reversal'
    UNION SELECT partner_id FROM commission_award WHERE tenant_id = :tenant_id AND business_date = :business_date
    UNION SELECT receiver_id FROM commission_share WHERE tenant_id = :tenant_id AND business_date = :business_date
  ) AS q
) AS p
GROUP BY p.partner_id
ON CONFLICT DO NOTHING
