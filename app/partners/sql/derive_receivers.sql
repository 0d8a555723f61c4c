-- Who receives from whom, as dated rows: the uplines of each client as far as levels are paid, and every god-mode
-- partner above at any depth. Levels are walked upward and end with the last paid one; god-mode partners are walked
-- downward from their grants. So the work grows with the rows that come out, not with the square of the depth.
-- A partner in `run_gate` of :gates_of, or in `run_pair` with the client, is taken out of the nesting and of the levels
-- first (`compress`); :gates_of is NULL where nobody is. Without :clients (NULL) it is everybody.
WITH RECURSIVE asked AS (
  SELECT one.client_id FROM unnest(CAST(:clients AS uuid[])) AS one (client_id)
), line AS (  -- Those asked for and everybody who ever stands above them: no god-mode partner's walk leaves it.
  SELECT asked.client_id FROM asked
  UNION
  SELECT l.parent_id
  FROM line
  JOIN partner_link AS l
    ON l.tenant_id = :tenant_id AND l.child_id = line.client_id AND l.valid_to > :from_at AND l.valid_from < l.valid_to
), up AS (
  SELECT l.child_id AS client_id, l.parent_id AS partner_id, 1 AS distance,
    greatest(l.valid_from, :from_at) AS valid_from, l.valid_to, 1 AS level,
    out.client_id IS NOT NULL OR pair.client_id IS NOT NULL OR coalesce(trader.is_country_denied, false) AS is_out,
    coalesce(trader.is_country_denied, false) AS is_denied
  FROM partner_link AS l
  LEFT JOIN run_gate AS out
    ON out.tenant_id = :tenant_id AND out.business_date = CAST(:gates_of AS date) AND out.plan_number = :plan_number
    AND out.client_id = l.parent_id AND out.partner_gates <> '{}'
  LEFT JOIN run_gate AS trader
    ON trader.tenant_id = :tenant_id AND trader.business_date = CAST(:gates_of AS date)
    AND trader.plan_number = :plan_number AND trader.client_id = l.child_id
  LEFT JOIN run_pair AS pair
    ON pair.tenant_id = :tenant_id AND pair.business_date = CAST(:gates_of AS date) AND pair.plan_number = :plan_number
    AND pair.client_id = l.child_id AND pair.partner_id = l.parent_id
  WHERE l.tenant_id = :tenant_id AND l.valid_from < l.valid_to AND l.valid_to > :from_at AND :levels > 0
    AND (CAST(:clients AS uuid[]) IS NULL OR l.child_id IN (SELECT asked.client_id FROM asked))
  UNION ALL
  SELECT up.client_id, l.parent_id, up.distance + 1,
    greatest(up.valid_from, l.valid_from), least(up.valid_to, l.valid_to),
    up.level + CASE WHEN up.is_out THEN 0 ELSE 1 END,
    out.client_id IS NOT NULL OR pair.client_id IS NOT NULL OR up.is_denied, up.is_denied
  FROM up
  JOIN partner_link AS l
    ON l.tenant_id = :tenant_id AND l.child_id = up.partner_id
    AND l.valid_from < up.valid_to AND l.valid_to > up.valid_from AND l.valid_from < l.valid_to
  LEFT JOIN run_gate AS out
    ON out.tenant_id = :tenant_id AND out.business_date = CAST(:gates_of AS date) AND out.plan_number = :plan_number
    AND out.client_id = l.parent_id AND out.partner_gates <> '{}'
  LEFT JOIN run_pair AS pair
    ON pair.tenant_id = :tenant_id AND pair.business_date = CAST(:gates_of AS date) AND pair.plan_number = :plan_number
    AND pair.client_id = up.client_id AND pair.partner_id = l.parent_id
  WHERE up.distance <= :length_max AND up.level + CASE WHEN up.is_out THEN 0 ELSE 1 END <= :levels
), down AS (
  SELECT l.child_id AS client_id, g.partner_id, 1 AS distance, trim_scale(g.rate_per_lot) AS rate_per_lot,
    greatest(g.valid_from, l.valid_from, :from_at) AS valid_from, least(g.valid_to, l.valid_to) AS valid_to
  FROM god_grant AS g
  JOIN partner_link AS l
    ON l.tenant_id = :tenant_id AND l.parent_id = g.partner_id
    AND l.valid_from < g.valid_to AND l.valid_to > g.valid_from AND l.valid_from < l.valid_to AND l.valid_to > :from_at
  WHERE g.tenant_id = :tenant_id AND g.valid_from < g.valid_to AND g.valid_to > :from_at
    AND (CAST(:clients AS uuid[]) IS NULL OR l.child_id IN (SELECT line.client_id FROM line))
  UNION ALL
  SELECT l.child_id, down.partner_id, down.distance + 1, down.rate_per_lot,
    greatest(down.valid_from, l.valid_from), least(down.valid_to, l.valid_to)
  FROM down
  JOIN partner_link AS l
    ON l.tenant_id = :tenant_id AND l.parent_id = down.client_id
    AND l.valid_from < down.valid_to AND l.valid_to > down.valid_from AND l.valid_from < l.valid_to
  WHERE down.distance <= :length_max
    AND (CAST(:clients AS uuid[]) IS NULL OR l.child_id IN (SELECT line.client_id FROM line))
), granted AS (
  SELECT down.client_id, down.partner_id, down.distance, down.rate_per_lot, down.valid_from, down.valid_to,
    out.client_id IS NOT NULL OR pair.client_id IS NOT NULL OR coalesce(trader.is_country_denied, false) AS is_out
  FROM down
  LEFT JOIN run_gate AS out
    ON out.tenant_id = :tenant_id AND out.business_date = CAST(:gates_of AS date) AND out.plan_number = :plan_number
    AND out.client_id = down.partner_id AND out.partner_gates <> '{}'
  LEFT JOIN run_gate AS trader
    ON trader.tenant_id = :tenant_id AND trader.business_date = CAST(:gates_of AS date)
    AND trader.plan_number = :plan_number AND trader.client_id = down.client_id
  LEFT JOIN run_pair AS pair
    ON pair.tenant_id = :tenant_id AND pair.business_date = CAST(:gates_of AS date) AND pair.plan_number = :plan_number
    AND pair.client_id = down.client_id AND pair.partner_id = down.partner_id
  WHERE CAST(:clients AS uuid[]) IS NULL OR down.client_id IN (SELECT asked.client_id FROM asked)
), bound AS (  -- Stretches of time in which the same god-mode partners stand above a client with the same amounts.
  SELECT client_id, valid_from AS at FROM granted UNION SELECT client_id, valid_to FROM granted
), segment AS (
  SELECT client_id, at AS valid_from, lead(at) OVER (PARTITION BY client_id ORDER BY at) AS valid_to FROM bound
), member AS (
  SELECT s.client_id, s.valid_from, s.valid_to, g.partner_id, g.distance, g.rate_per_lot, g.is_out
  FROM segment AS s
  JOIN granted AS g ON g.client_id = s.client_id AND g.valid_from <= s.valid_from AND g.valid_to >= s.valid_to
  WHERE s.valid_to IS NOT NULL
), nested AS (
  SELECT m.*, row_number() OVER nearest AS place, count(*) OVER whole AS places, max(m.rate_per_lot) OVER whole AS best,
    coalesce(max(m.rate_per_lot) OVER nearer, 0) AS best_nearer, first_value(m.rate_per_lot) OVER nearest AS pool_rate
  FROM member AS m
  WHERE NOT m.is_out
  WINDOW
    whole AS (PARTITION BY m.client_id, m.valid_from),
    nearest AS (PARTITION BY m.client_id, m.valid_from ORDER BY m.distance),
    nearer AS (
      PARTITION BY m.client_id, m.valid_from ORDER BY m.distance ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
)
SELECT client_id, valid_from, valid_to, 'referral' AS track, distance, level,
  partner_id AS beneficiary_id, CAST(NULL AS numeric) AS rate, CAST(NULL AS numeric) AS pool_rate,
  CAST(NULL AS numeric) AS reaching, CAST(NULL AS numeric) AS passed
FROM up
UNION ALL
SELECT client_id, valid_from, valid_to, 'god', distance, distance, partner_id,
  CASE CAST(:nested_policy AS text)
    WHEN 'full' THEN rate_per_lot
    WHEN 'difference' THEN greatest(0, rate_per_lot - best_nearer)
    WHEN 'nearest' THEN CASE WHEN place = 1 THEN rate_per_lot ELSE 0 END
    WHEN 'topmost' THEN CASE WHEN place = places THEN rate_per_lot ELSE 0 END
    WHEN 'highest' THEN CASE WHEN rate_per_lot = best AND best_nearer < best THEN rate_per_lot ELSE 0 END
    ELSE pool_rate * (reaching - passed)
  END,
  CASE WHEN :nested_policy = 'split' THEN pool_rate END, reaching, passed
FROM (
  SELECT n.*, CASE WHEN :nested_policy = 'split' THEN (CAST(:products AS numeric[]))[place] END AS reaching,
    CASE
      WHEN :nested_policy <> 'split' THEN NULL
      WHEN place = places THEN 0
      ELSE (CAST(:products AS numeric[]))[place + 1]
    END AS passed
  FROM nested AS n
) AS shared
UNION ALL
SELECT client_id, valid_from, valid_to, 'god', distance, distance, partner_id, 0, NULL, NULL, NULL
FROM member
WHERE is_out
