-- The proof of a day on which somebody is paid in another currency: the same three ways, per beneficiary and currency. The
-- lines of each batch are summed up from themselves and converted at the batch's rate.
SELECT p.partner_id, sum(p.from_lines) AS from_lines, sum(p.from_journals) AS from_journals,
  sum(p.from_statements) AS from_statements
FROM (
  SELECT coalesce(b.partner_id, u.partner_id) AS partner_id, coalesce(b.currency, '') AS currency,
    CASE
      WHEN b.multiply IS NULL THEN coalesce(u.lines, 0)
      ELSE divide_even(coalesce(u.lines, 0) * b.multiply, b.divide, 10)
    END + coalesce(b.carry_in - b.carry_out, 0) AS from_lines,
    (
      SELECT sum(g.amount_minor) FROM posting AS g
      WHERE g.tenant_id = :tenant_id AND g.entry_id = b.entry_id AND (
        SELECT w.currency = b.currency
          AND (w.owner_kind = 'partner' AND w.owner_id = b.partner_id OR w.house = 'commission_pool')
        FROM wallet AS w
        WHERE w.tenant_id = g.tenant_id AND w.id = g.wallet_id
      )
    ) * power(10::numeric, -b.places) AS from_journals,
    0 AS from_statements, 0 AS statements
  FROM (
    SELECT k.*, e.places, coalesce(k.source_on, DATE '0001-01-01') AS source
    FROM commission_batch AS k
    JOIN unnest(CAST(:currencies AS text[]), CAST(:all_places AS int[])) AS e (currency, places) ON e.currency = k.currency
    WHERE k.tenant_id = :tenant_id AND k.business_date = :business_date
  ) AS b
  FULL JOIN (/* include lines_by_batch */) AS u
    ON u.partner_id = b.partner_id AND u.track = b.track AND u.source_on = b.source
  UNION ALL
  SELECT t.partner_id, t.currency, 0, 0, t.posted_minor * power(10::numeric, -e.places),
    CASE
      WHEN coalesce(t.converted, t.lines) + t.carry_in - t.carry_out = t.posted_minor * power(10::numeric, -e.places) THEN 1
      ELSE 1000
    END
  FROM commission_statement AS t
  JOIN unnest(CAST(:currencies AS text[]), CAST(:all_places AS int[])) AS e (currency, places) ON e.currency = t.currency
  WHERE t.tenant_id = :tenant_id AND t.business_date = :business_date
) AS p
GROUP BY p.partner_id, p.currency
HAVING sum(p.from_lines) <> coalesce(sum(p.from_journals), 0) OR sum(p.from_lines) <> sum(p.from_statements)
  OR sum(p.statements) <> 1
LIMIT 20
