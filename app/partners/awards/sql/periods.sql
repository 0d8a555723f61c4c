-- What each partner's clients brought in a period that ends with this day, what they cost, and the loss carried along.
WITH RECURSIVE event AS (
  SELECT v.client_id, v.business_date AS on_date, 0 AS source, v.last_at AS at, v.revenue, 0::numeric AS charged
  FROM award_volume AS v
  WHERE v.tenant_id = :tenant_id AND v.business_date >= :period_start AND v.business_date <= :business_date
  UNION ALL
  SELECT m.client_id, m.business_date, row_number() OVER (ORDER BY m.source_id), m.at, 0, -m.amount
  FROM award_money AS m
  WHERE m.tenant_id = :tenant_id AND m.source = 'chargeback' AND m.plan_currency = :plan_currency
    AND m.business_date >= :period_start AND m.business_date <= :business_date
), up AS (
  SELECT e.client_id, e.on_date, e.source, e.at, e.revenue, e.charged, k.parent_id AS partner_id, 1 AS distance, 1 AS level
  FROM event AS e
  JOIN client AS l
    ON l.tenant_id = :tenant_id AND l.id = e.client_id
    AND (CAST(:countries AS text[]) = '{}' OR l.country = ANY (CAST(:countries AS text[])))
  JOIN partner_link AS k
    ON k.tenant_id = :tenant_id AND k.child_id = e.client_id AND k.valid_from <= e.at AND k.valid_to > e.at
  UNION ALL
  SELECT n.client_id, n.on_date, n.source, n.at, n.revenue, n.charged, k.parent_id, n.distance + 1, n.next_level
  FROM (
    SELECT u.*,
      u.level + CASE
        WHEN :compress AND EXISTS (
          SELECT FROM run_gate AS g
          WHERE g.tenant_id = :tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
            AND g.client_id = u.partner_id AND g.partner_gates <> '{}'
        ) THEN 0
        ELSE 1
      END AS next_level
    FROM up AS u
  ) AS n
  JOIN partner_link AS k
    ON k.tenant_id = :tenant_id AND k.child_id = n.partner_id AND k.valid_from <= n.at AND k.valid_to > n.at
  WHERE n.next_level <= :levels_max AND n.distance < :length_max
), brought AS (
  SELECT u.partner_id,
    sum(CASE
      WHEN :chained THEN chain_shares(u.revenue, (CAST(:shares AS numeric[]))[1:u.level])
      ELSE round_even(u.revenue * (CAST(:shares AS numeric[]))[u.level], 10)
    END) AS revenue,
    sum(CASE
      WHEN :chained THEN chain_shares(u.charged, (CAST(:shares AS numeric[]))[1:u.level])
      ELSE round_even(u.charged * (CAST(:shares AS numeric[]))[u.level], 10)
    END) AS charged
  FROM up AS u GROUP BY u.partner_id
), earlier AS (
  SELECT DISTINCT ON (p.partner_id) p.partner_id, p.carry_out
  FROM award_period AS p
  WHERE p.tenant_id = :tenant_id AND p.rule = :rule AND p.period_start < :period_start
  ORDER BY p.partner_id, p.period_start DESC
), entered AS (
  SELECT c.* FROM award_cost AS c WHERE c.tenant_id = :tenant_id AND c.period_start = :period_start
)
INSERT INTO award_period (
  tenant_id, partner_id, rule, period_start, business_date, revenue, swap_markup, bonus_cost, psp_cost, chargebacks,
  carry_in, net, carry_out
)
SELECT :tenant_id, s.partner_id, :rule, :period_start, :business_date, s.revenue, s.swap_markup, s.bonus_cost, s.psp_cost,
  s.chargebacks, s.carry_in, s.net, CASE WHEN :carry_losses THEN least(s.net, 0) ELSE 0 END
FROM (
  SELECT n.*, n.revenue + n.swap_markup - n.bonus_cost - n.psp_cost - n.chargebacks + n.carry_in AS net
  FROM (
    SELECT w.partner_id, coalesce(b.revenue, 0) AS revenue, coalesce(c.swap_markup, 0) AS swap_markup,
      coalesce(c.bonus_cost, 0) AS bonus_cost, coalesce(c.psp_cost, 0) AS psp_cost,
      coalesce(c.chargebacks, 0) + coalesce(b.charged, 0) AS chargebacks,
      CASE WHEN :carry_losses THEN coalesce(e.carry_out, 0) ELSE 0 END AS carry_in
    FROM (
      SELECT partner_id FROM brought
      UNION SELECT partner_id FROM entered
      UNION SELECT partner_id FROM earlier WHERE carry_out <> 0
    ) AS w
    LEFT JOIN brought AS b ON b.partner_id = w.partner_id
    LEFT JOIN entered AS c ON c.partner_id = w.partner_id
    LEFT JOIN earlier AS e ON e.partner_id = w.partner_id
  ) AS n
) AS s
ON CONFLICT DO NOTHING
