-- What one client bought and sold of a symbol in a settlement day counts once: the larger side. Trades take their lots in
-- the order in which they were closed, until it is used up. A late one gets what it adds to its day; what is settled stays.
WITH fresh AS MATERIALIZED (
  SELECT n.trade_id, n.revision, t.client_id, t.symbol, t.side, n.closed_at, n.closing_deal, v.lots,
    width_bucket(n.closed_at, CAST(:day_starts AS timestamptz[])) AS day
  FROM trade_now AS n
  JOIN closed_trade AS t ON t.tenant_id = :tenant_id AND t.id = n.trade_id
  JOIN run_volume AS v
    ON v.tenant_id = :tenant_id AND v.business_date = :business_date AND v.plan_number = :plan_number
    AND v.trade_id = n.trade_id AND v.revision = n.revision
  WHERE v.lots > 0 AND (n.referral_gates = '{}' AND :pays_referral OR n.god_gates = '{}' AND :pays_god)
), settled AS (
  SELECT g.client_id, g.symbol, g.day, t.side, s.lots_paid, s.lots_netted
  FROM (SELECT DISTINCT client_id, symbol, day FROM fresh WHERE closed_at < :day_start) AS g
  JOIN closed_trade AS t
    ON t.tenant_id = :tenant_id AND t.client_id = g.client_id AND t.symbol = g.symbol AND t.deleted_at IS NULL
    AND t.closed_at >= (CAST(:day_starts AS timestamptz[]))[g.day]
    AND t.closed_at < coalesce((CAST(:day_starts AS timestamptz[]))[g.day + 1], :day_end)
  JOIN settled_trade AS s
    ON s.tenant_id = t.tenant_id AND s.trade_id = t.id AND s.revision = t.revision AND s.plan_number = :plan_number
  WHERE s.lots_paid IS NOT NULL
    AND (s.referral_gates <@ ARRAY['HEDGE_NETTED'] AND :pays_referral OR s.god_gates <@ ARRAY['HEDGE_NETTED'] AND :pays_god)
), budget AS (
  SELECT a.client_id, a.symbol, a.day,
    greatest(coalesce(sum(a.lots) FILTER (WHERE a.side = 'buy'), 0), coalesce(sum(a.lots) FILTER (WHERE a.side = 'sell'), 0))
      - sum(a.paid) AS lots
  FROM (
    SELECT client_id, symbol, day, side, lots, 0 AS paid FROM fresh
    UNION ALL
    SELECT client_id, symbol, day, side, lots_paid + lots_netted, lots_paid FROM settled
  ) AS a
  GROUP BY a.client_id, a.symbol, a.day
)
UPDATE run_volume AS v SET lots_netted = d.lots - d.paid
FROM (
  SELECT f.trade_id, f.revision, f.lots,
    least(f.lots, greatest(0, b.lots - coalesce(sum(f.lots) OVER earlier, 0))) AS paid
  FROM fresh AS f
  JOIN budget AS b ON b.client_id = f.client_id AND b.symbol = f.symbol AND b.day = f.day
  WINDOW earlier AS (
    PARTITION BY f.client_id, f.symbol, f.day ORDER BY f.closed_at, f.closing_deal, f.trade_id
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  )
) AS d
WHERE v.tenant_id = :tenant_id AND v.business_date = :business_date AND v.plan_number = :plan_number
  AND v.trade_id = d.trade_id AND v.revision = d.revision AND d.paid < d.lots
