-- Three ways to the same money, per beneficiary: lines with their carry, journals in the books, statements. Any
-- difference is a row. They stand in one list of sums, as those of the statements do.
SELECT p.partner_id, sum(p.from_lines) AS from_lines, sum(p.from_journals) AS from_journals,
  sum(p.from_statements) AS from_statements
FROM (
  SELECT d.partner_id, sum(d.amount) AS from_lines, 0 AS from_journals, 0 AS from_statements, 0 AS statements
  FROM (
    /* include due_lines */
    UNION ALL
    SELECT v.partner_id, v.track, v.amount FROM (/* include due_reversals */) AS v
  ) AS d
  GROUP BY d.partner_id
  UNION ALL
  SELECT b.partner_id, sum(b.carry_in - b.carry_out),
    sum((  -- One by one: the books hold the entries of years.
      SELECT sum(g.amount_minor) FROM posting AS g
      WHERE g.tenant_id = b.tenant_id AND g.entry_id = b.entry_id AND (
        SELECT w.owner_kind = 'partner' AND w.owner_id = b.partner_id OR w.house = 'commission_pool' FROM wallet AS w
        WHERE w.tenant_id = g.tenant_id AND w.id = g.wallet_id
      )
    )) * power(10::numeric, -CAST(:places AS int)),
    0, 0
  FROM commission_batch AS b
  WHERE b.tenant_id = :tenant_id AND b.business_date = :business_date
  GROUP BY b.partner_id
  UNION ALL
  SELECT t.partner_id, 0, 0, t.posted_minor * power(10::numeric, -CAST(:places AS int)),
    CASE WHEN t.lines + t.carry_in - t.carry_out = t.posted_minor * power(10::numeric, -CAST(:places AS int)) THEN 1
      ELSE 1000 END
  FROM commission_statement AS t
  WHERE t.tenant_id = :tenant_id AND t.business_date = :business_date
) AS p
GROUP BY p.partner_id
HAVING sum(p.from_lines) <> coalesce(sum(p.from_journals), 0) OR sum(p.from_lines) <> sum(p.from_statements)
  OR sum(p.statements) <> 1
LIMIT 20
