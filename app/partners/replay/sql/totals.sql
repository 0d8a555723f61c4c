-- What the plan would pay beside what was paid for the same trades, corrections and all, in five views at once. Each
-- stretch of days adds to those before it: a trade is closed in one of them alone.
INSERT INTO plan_replay_total (tenant_id, replay_id, view, key, trades, paid, would_pay)
SELECT :tenant_id, :replay_id, v.view, v.key, v.trades, v.paid, v.would_pay
FROM (
  SELECT
    CASE
      WHEN grouping(a.partner_id) = 0 THEN 'partner' WHEN grouping(a.symbol) = 0 THEN 'symbol'
      WHEN grouping(a.day) = 0 THEN 'day' WHEN grouping(a.client_id) = 0 THEN 'client' ELSE 'all'
    END AS view,
    coalesce(CAST(a.partner_id AS text), a.symbol, CAST(a.day AS text), CAST(a.client_id AS text), '') AS key,
    count(DISTINCT a.trade_id) AS trades, sum(a.paid) AS paid, sum(a.would_pay) AS would_pay
  FROM (
    SELECT n.trade_id, n.partner_id, t.symbol, t.client_id,
      (CAST(:days AS date[]))[width_bucket(t.closed_at, CAST(:day_starts AS timestamptz[]))] AS day,
      sum(n.paid) AS paid, sum(n.would_pay) AS would_pay
    FROM (
      SELECT l.trade_id, l.partner_id, 0 AS paid, l.amount AS would_pay
      FROM pg_temp.commission_line AS l
      UNION ALL
      SELECT p.trade_id, p.partner_id, p.amount, 0
      FROM public.commission_line AS p
      JOIN public.settled_trade AS s
        ON s.tenant_id = p.tenant_id AND s.trade_id = p.trade_id AND s.revision = p.revision
      WHERE p.tenant_id = :tenant_id AND s.closed_at >= :begin AND s.closed_at < :end
    ) AS n
    JOIN closed_trade AS t ON t.tenant_id = :tenant_id AND t.id = n.trade_id
    GROUP BY n.trade_id, n.partner_id, t.symbol, t.client_id, t.closed_at
  ) AS a
  GROUP BY GROUPING SETS ((a.partner_id), (a.symbol), (a.day), (a.client_id), ())
) AS v
WHERE v.trades > 0
ON CONFLICT (tenant_id, replay_id, view, key) DO UPDATE
SET trades = plan_replay_total.trades + excluded.trades, paid = plan_replay_total.paid + excluded.paid,
  would_pay = plan_replay_total.would_pay + excluded.would_pay
