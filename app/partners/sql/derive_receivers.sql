-- Who receives from whom, as dated rows: everybody above each client, cut into segments in which nothing changes.
-- A partner in `run_gate` of :gates_of is taken out of the nesting and of the levels first (`compress`); :gates_of is
-- NULL where nobody is.
WITH RECURSIVE up AS (
  SELECT l.child_id AS client_id, l.parent_id AS partner_id, 1 AS distance,
    greatest(l.valid_from, :from_at) AS valid_from, l.valid_to
  FROM partner_link AS l
  WHERE l.tenant_id = :tenant_id AND l.valid_from < l.valid_to AND l.valid_to > :from_at
    AND (CAST(:clients AS uuid[]) IS NULL OR l.child_id = ANY (CAST(:clients AS uuid[])))
  UNION ALL
  SELECT up.client_id, l.parent_id, up.distance + 1,
    greatest(up.valid_from, l.valid_from), least(up.valid_to, l.valid_to)
  FROM up
  JOIN partner_link AS l
    ON l.tenant_id = :tenant_id AND l.child_id = up.partner_id
    AND l.valid_from < up.valid_to AND l.valid_to > up.valid_from AND l.valid_from < l.valid_to
  WHERE up.distance <= :length_max
), granted AS (
  SELECT up.client_id, up.partner_id, up.distance, trim_scale(g.rate_per_lot) AS rate_per_lot,
    greatest(up.valid_from, g.valid_from) AS valid_from, least(up.valid_to, g.valid_to) AS valid_to
  FROM up
  JOIN god_grant AS g
    ON g.tenant_id = :tenant_id AND g.partner_id = up.partner_id
    AND g.valid_from < up.valid_to AND g.valid_to > up.valid_from AND g.valid_from < g.valid_to
), bound AS (
  SELECT client_id, valid_from AS at FROM up
  UNION SELECT client_id, valid_to FROM up
  UNION SELECT client_id, valid_from FROM granted
  UNION SELECT client_id, valid_to FROM granted
), segment AS (
  SELECT client_id, at AS valid_from, lead(at) OVER (PARTITION BY client_id ORDER BY at) AS valid_to FROM bound
), member AS (
  SELECT s.client_id, s.valid_from, s.valid_to, up.partner_id, up.distance, g.rate_per_lot,
    out.client_id IS NOT NULL OR coalesce(trader.is_country_denied, false) AS is_out
  FROM segment AS s
  JOIN up ON up.client_id = s.client_id AND up.valid_from <= s.valid_from AND up.valid_to >= s.valid_to
  LEFT JOIN granted AS g
    ON g.client_id = s.client_id AND g.partner_id = up.partner_id AND g.distance = up.distance
    AND g.valid_from <= s.valid_from AND g.valid_to >= s.valid_to
  LEFT JOIN run_gate AS out
    ON out.tenant_id = :tenant_id AND out.business_date = CAST(:gates_of AS date) AND out.plan_number = :plan_number
    AND out.client_id = up.partner_id AND out.partner_gates <> '{}'
  LEFT JOIN run_gate AS trader
    ON trader.tenant_id = :tenant_id AND trader.business_date = CAST(:gates_of AS date)
    AND trader.plan_number = :plan_number AND trader.client_id = s.client_id
  WHERE s.valid_to IS NOT NULL
), placed AS (
  SELECT m.*, 1 + count(*) FILTER (WHERE NOT m.is_out) OVER nearer AS level
  FROM member AS m
  WINDOW nearer AS (
    PARTITION BY m.client_id, m.valid_from ORDER BY m.distance ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  )
), nested AS (
  SELECT m.*, row_number() OVER nearest AS place, count(*) OVER whole AS places, max(m.rate_per_lot) OVER whole AS best,
    coalesce(max(m.rate_per_lot) OVER nearer, 0) AS best_nearer, first_value(m.rate_per_lot) OVER nearest AS pool_rate
  FROM member AS m
  WHERE m.rate_per_lot IS NOT NULL AND NOT m.is_out
  WINDOW
    whole AS (PARTITION BY m.client_id, m.valid_from),
    nearest AS (PARTITION BY m.client_id, m.valid_from ORDER BY m.distance),
    nearer AS (
      PARTITION BY m.client_id, m.valid_from ORDER BY m.distance ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
)
SELECT client_id, valid_from, valid_to, 'referral' AS track, distance, CAST(level AS int) AS level,
  partner_id AS beneficiary_id, CAST(NULL AS numeric) AS rate, CAST(NULL AS numeric) AS pool_rate,
  CAST(NULL AS numeric) AS reaching, CAST(NULL AS numeric) AS passed
FROM placed
WHERE level <= :levels
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
WHERE rate_per_lot IS NOT NULL AND is_out
