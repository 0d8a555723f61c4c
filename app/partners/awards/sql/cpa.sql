-- What a CPA rule owes anew for each client, or what stands against it on a day on which something happened to them.
INSERT INTO award_step (tenant_id, client_id, rule, source_key, business_date, path_at, amount, gates, detail)
SELECT :tenant_id, f.client_id, :rule, CAST(:business_date AS text), :business_date, f.path_at,
  CASE WHEN f.gates = '{}' THEN f.due - f.owed ELSE 0 END, f.gates,
  jsonb_build_object(
    'net_deposit', CAST(trim_scale(f.net) AS text), 'lots', CAST(trim_scale(f.lots) AS text), 'days', f.days,
    'kyc_level', f.kyc_level, 'due', CAST(trim_scale(f.due) AS text), 'owed', CAST(trim_scale(f.owed) AS text),
    'missing', to_jsonb(f.missing),
    'needs', jsonb_build_object(
      'deposit', CAST(trim_scale(:needed_deposit) AS text), 'lots', CAST(trim_scale(:min_lots) AS text),
      'days', CAST(:min_days AS int), 'kyc', CAST(:kyc_level AS int)
    )
  )
FROM (
  SELECT s.*,
    CASE
      WHEN s.due < s.owed THEN '{}'::text[]
      WHEN s.missing <> '{}' THEN s.trader_gates || ARRAY['CPA_NOT_QUALIFIED']
      ELSE s.trader_gates
    END AS gates
  FROM (
    SELECT c.*,
      array_remove(ARRAY[
        CASE WHEN c.due = 0 THEN 'deposit' END,
        CASE WHEN c.lots < :min_lots THEN 'lots' END,
        CASE WHEN c.days < :min_days THEN 'days' END,
        CASE WHEN c.kyc_level < :kyc_level THEN 'kyc' END
      ], NULL) AS missing
    FROM (
      SELECT m.client_id, m.net, l.kyc_level, coalesce(g.trader_gates, '{}') AS trader_gates,
        coalesce(v.lots_total, 0) AS lots, coalesce(o.owed, 0) AS owed,
        coalesce(CAST(floor(extract(epoch FROM CAST(:day_end AS timestamptz) - m.first_at) / 86400) AS int), 0) AS days,
        m.moved_at IS NOT NULL OR v.business_date = :business_date AS is_moved,
        least(
          coalesce(greatest(m.moved_at, CASE WHEN v.business_date = :business_date THEN v.last_at END), :last_instant),
          :last_instant
        ) AS path_at,
        CASE WHEN m.net > 0 AND m.net >= :min_deposit THEN coalesce((
          SELECT r.pays FROM unnest(CAST(:steps AS numeric[]), CAST(:pays AS numeric[])) AS r (deposit, pays)
          WHERE r.deposit <= m.net ORDER BY r.deposit DESC LIMIT 1
        ), 0) ELSE 0 END AS due
      FROM (
        /* include client_money */
      ) AS m
      JOIN client AS l ON l.tenant_id = :tenant_id AND l.id = m.client_id
      LEFT JOIN run_gate AS g
        ON g.tenant_id = :tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
        AND g.client_id = m.client_id
      LEFT JOIN LATERAL (
        SELECT e.lots_total, e.business_date, e.last_at FROM award_volume AS e
        WHERE e.tenant_id = :tenant_id AND e.client_id = m.client_id AND e.business_date <= :business_date
        ORDER BY e.business_date DESC LIMIT 1
      ) AS v ON true
      LEFT JOIN (
        SELECT p.client_id, sum(p.amount) AS owed FROM award_step AS p
        WHERE p.tenant_id = :tenant_id AND p.rule = :rule AND p.business_date < :business_date GROUP BY p.client_id
      ) AS o ON o.client_id = m.client_id
      WHERE CAST(:countries AS text[]) = '{}' OR l.country = ANY (CAST(:countries AS text[]))
    ) AS c
  ) AS s
) AS f
WHERE CASE
  WHEN f.due < f.owed THEN :takes_back
  WHEN f.gates = '{}' THEN f.due > f.owed
  ELSE f.is_moved AND NOT (f.due = f.owed AND f.due > 0)
END
ON CONFLICT DO NOTHING
