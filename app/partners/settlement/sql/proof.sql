-- Three ways to the same money, per beneficiary: lines with their carry, journals in the books, statements. Any
-- difference is a row.
SELECT p.partner_id, l.total AS from_lines, j.total AS from_journals, s.total AS from_statements
FROM (
  SELECT partner_id FROM commission_statement WHERE tenant_id = :tenant_id AND business_date = :business_date
  UNION SELECT partner_id FROM commission_batch WHERE tenant_id = :tenant_id AND business_date = :business_date
  UNION SELECT partner_id FROM commission_line WHERE tenant_id = :tenant_id AND business_date = :business_date
  UNION SELECT partner_id FROM commission_award WHERE tenant_id = :tenant_id AND business_date = :business_date
) AS p
LEFT JOIN (
  SELECT n.partner_id, n.lines + coalesce(c.carried, 0) AS total
  FROM (
    SELECT d.partner_id, sum(d.amount) AS lines
    FROM (
      /* include due_lines */
      UNION ALL
      SELECT v.partner_id, v.track, v.amount FROM (/* include due_reversals */) AS v
    ) AS d
    GROUP BY d.partner_id
  ) AS n
  LEFT JOIN (
    SELECT k.partner_id, sum(k.carry_in - k.carry_out) AS carried
    FROM commission_batch AS k
    WHERE k.tenant_id = :tenant_id AND k.business_date = :business_date
    GROUP BY k.partner_id
  ) AS c ON c.partner_id = n.partner_id
) AS l ON l.partner_id = p.partner_id
LEFT JOIN (
  SELECT w.owner_id AS partner_id, sum(g.amount_minor) * power(10::numeric, -CAST(:places AS int)) AS total
  FROM commission_batch AS b
  JOIN journal_entry AS e ON e.tenant_id = b.tenant_id AND e.id = b.entry_id
  JOIN posting AS g ON g.tenant_id = e.tenant_id AND g.entry_id = e.id
  JOIN wallet AS w ON w.tenant_id = g.tenant_id AND w.id = g.wallet_id AND w.owner_kind = 'partner'
  WHERE b.tenant_id = :tenant_id AND b.business_date = :business_date
    AND e.kind IN ('commission.settle', 'commission.clawback')
  GROUP BY w.owner_id
) AS j ON j.partner_id = p.partner_id
LEFT JOIN (
  SELECT t.partner_id, t.posted_minor * power(10::numeric, -CAST(:places AS int)) AS total
  FROM commission_statement AS t
  WHERE t.tenant_id = :tenant_id AND t.business_date = :business_date
    AND t.lines + t.carry_in - t.carry_out = t.posted_minor * power(10::numeric, -CAST(:places AS int))
) AS s ON s.partner_id = p.partner_id
WHERE coalesce(l.total, 0) <> coalesce(j.total, 0) OR coalesce(l.total, 0) <> coalesce(s.total, -1)
LIMIT 20
