-- Everybody who might get a part of the day's steps of one rule: their level and amount, or the first reason against it.
CREATE TEMPORARY TABLE award_candidate ON COMMIT DROP AS
WITH RECURSIVE up AS (
  SELECT s.client_id, s.source_key, k.parent_id AS partner_id, 1 AS distance, 1 AS level, s.path_at, s.is_denied
  FROM (
    SELECT t.client_id, t.source_key, t.path_at, coalesce(g.is_country_denied, false) AS is_denied
    FROM award_step AS t
    LEFT JOIN run_gate AS g
      ON g.tenant_id = :tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
      AND g.client_id = t.client_id
    WHERE t.tenant_id = :tenant_id AND t.rule = :rule AND t.business_date = :business_date AND t.amount >= 0
  ) AS s
  JOIN partner_link AS k
    ON k.tenant_id = :tenant_id AND k.child_id = s.client_id AND k.valid_from <= s.path_at AND k.valid_to > s.path_at
  UNION ALL
  SELECT n.client_id, n.source_key, k.parent_id, n.distance + 1, n.next_level, n.path_at, n.is_denied
  FROM (
    SELECT u.*,
      u.level + CASE
        WHEN :compress AND (u.is_denied OR EXISTS (
          SELECT FROM run_gate AS g
          WHERE g.tenant_id = :tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
            AND g.client_id = u.partner_id AND g.partner_gates <> '{}'
        )) THEN 0
        ELSE 1
      END AS next_level
    FROM up AS u
  ) AS n
  JOIN partner_link AS k
    ON k.tenant_id = :tenant_id AND k.child_id = n.partner_id AND k.valid_from <= n.path_at AND k.valid_to > n.path_at
  WHERE n.next_level <= :levels_max AND n.distance < :length_max
)
SELECT c.*,
  CASE WHEN :is_held THEN coalesce(c.event_gates[1], CASE WHEN c.amount = 0 THEN 'ZERO_AMOUNT' END)
    ELSE coalesce(c.event_gates[1], c.partner_gates[1], CASE WHEN c.amount = 0 THEN 'ZERO_AMOUNT' END) END AS reason
FROM (
  SELECT u.client_id, CAST(:rule AS text) || ':' || u.client_id || ':' || u.source_key AS source_key, u.partner_id, u.distance, u.level, u.path_at, b.base, s.amount AS step, s.detail,
    CAST((CAST(:shares AS numeric[]))[u.level] AS numeric) AS rate,
    least(CAST(:max_per_event AS numeric), CASE
      WHEN :chained THEN chain_shares(b.base, (CAST(:shares AS numeric[]))[1:u.level])
      ELSE round_even(b.base * (CAST(:shares AS numeric[]))[u.level], 10)
    END) AS amount,
    s.gates AS event_gates,
    coalesce(g.partner_gates, '{}') || CASE
      WHEN u.is_denied AND NOT 'COUNTRY_DENIED' = ANY (coalesce(g.partner_gates, '{}')) THEN ARRAY['COUNTRY_DENIED']
      ELSE '{}'::text[]
    END AS partner_gates
  FROM up AS u
  JOIN award_step AS s
    ON s.tenant_id = :tenant_id AND s.client_id = u.client_id AND s.rule = :rule AND s.source_key = u.source_key
  CROSS JOIN LATERAL (SELECT round_even(s.amount * :weight, 10) AS base) AS b
  LEFT JOIN run_gate AS g
    ON g.tenant_id = :tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
    AND g.client_id = u.partner_id
) AS c
