-- Windows that deposits opened and that have ended: what came in and stayed, times the rule's share.
WITH RECURSIVE money AS (
  SELECT m.client_id, m.source_id, m.at, m.amount
  FROM award_money AS m
  JOIN (
    SELECT k.child_id, min(k.valid_from) AS since FROM partner_link AS k
    WHERE k.tenant_id = :tenant_id AND k.valid_from < k.valid_to GROUP BY k.child_id
  ) AS b ON b.child_id = m.client_id AND m.at >= b.since
  JOIN client AS l ON l.tenant_id = m.tenant_id AND l.id = m.client_id
  WHERE m.tenant_id = :tenant_id AND m.plan_currency = :plan_currency AND m.business_date <= :business_date
    AND (CAST(:countries AS text[]) = '{}' OR l.country = ANY (CAST(:countries AS text[])))
), ended AS (
  SELECT s.client_id, max(s.window_to) AS until FROM award_step AS s
  WHERE s.tenant_id = :tenant_id AND s.rule = :rule AND s.business_date < :business_date AND s.window_to IS NOT NULL
  GROUP BY s.client_id
), opened AS (
  (
    SELECT DISTINCT ON (m.client_id) m.client_id, m.source_id, m.at AS from_at
    FROM money AS m
    LEFT JOIN ended AS e ON e.client_id = m.client_id
    WHERE m.amount > 0 AND (e.until IS NULL OR m.at >= e.until AND NOT :first_only)
    ORDER BY m.client_id, m.at, m.source_id
  )
  UNION ALL
  SELECT o.client_id, n.source_id, n.at
  FROM opened AS o
  CROSS JOIN LATERAL (
    SELECT m.source_id, m.at FROM money AS m
    WHERE m.client_id = o.client_id AND m.amount > 0 AND m.at >= o.from_at + CAST(:length AS interval)
    ORDER BY m.at, m.source_id LIMIT 1
  ) AS n
  WHERE NOT :first_only AND o.from_at + CAST(:length AS interval) <= :day_end
)
INSERT INTO award_step (tenant_id, client_id, rule, source_key, business_date, path_at, window_to, amount, gates, detail)
SELECT :tenant_id, o.client_id, :rule, CAST(o.source_id AS text), :business_date, o.from_at,
  o.from_at + CAST(:length AS interval),
  CASE WHEN n.net > 0 AND n.net >= :min_deposit THEN round_even(n.net * :share, 10) ELSE 0 END,
  coalesce(g.trader_gates, '{}'),
  jsonb_build_object(
    'net_deposit', CAST(trim_scale(n.net) AS text), 'deposits', CAST(trim_scale(n.deposits) AS text),
    'withdrawals', CAST(trim_scale(n.withdrawals) AS text), 'from', o.from_at,
    'to', o.from_at + CAST(:length AS interval), 'share', CAST(trim_scale(:share) AS text)
  )
FROM opened AS o
CROSS JOIN LATERAL (
  SELECT sum(m.amount) AS net, sum(m.amount) FILTER (WHERE m.amount > 0) AS deposits,
    coalesce(-sum(m.amount) FILTER (WHERE m.amount < 0), 0) AS withdrawals
  FROM money AS m
  WHERE m.client_id = o.client_id AND m.at >= o.from_at AND m.at < o.from_at + CAST(:length AS interval)
) AS n
LEFT JOIN run_gate AS g
  ON g.tenant_id = :tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
  AND g.client_id = o.client_id
WHERE o.from_at + CAST(:length AS interval) <= :day_end
ON CONFLICT DO NOTHING
