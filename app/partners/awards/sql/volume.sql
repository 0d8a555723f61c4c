-- What each client's counted trades come to since the last run that computed awards: what was settled since then, less
-- what has been corrected, taken away or clawed back meanwhile. A trade counts when it passes every gate but those that
-- speak of what a track pays for it.
WITH changed AS (
  SELECT s.trade_id, max(s.revision) AS revision
  FROM settled_trade AS s
  JOIN closed_trade AS t ON t.tenant_id = s.tenant_id AND t.id = s.trade_id
  WHERE s.tenant_id = :tenant_id AND s.business_date <= :since
    AND (
      t.deleted_at IS NOT NULL
      OR EXISTS (
        SELECT FROM settled_trade AS n
        WHERE n.tenant_id = s.tenant_id AND n.trade_id = s.trade_id AND n.business_date > :since
          AND n.business_date <= :business_date
      )
    )
    AND t.batch_no > :batch_from
  GROUP BY s.trade_id
), gone AS (
  INSERT INTO award_correction (tenant_id, trade_id, revision, business_date)
  SELECT :tenant_id, c.trade_id, c.revision, :business_date FROM changed AS c
  ON CONFLICT DO NOTHING
  RETURNING trade_id, revision
), moved AS (
  SELECT s.client_id, 1 AS sign, s.lots, s.revenue, s.closed_at AS at
  FROM settled_trade AS s
  JOIN closed_trade AS t ON t.tenant_id = s.tenant_id AND t.id = s.trade_id
  WHERE s.tenant_id = :tenant_id AND s.business_date > :since AND s.business_date <= :business_date
    AND s.referral_gates <@ CAST(:harmless AS text[])
    AND (t.deleted_at IS NULL OR s.business_date = :business_date)
    AND NOT EXISTS (
      SELECT FROM settled_trade AS n
      WHERE n.tenant_id = s.tenant_id AND n.trade_id = s.trade_id AND n.revision > s.revision
    )
    AND NOT EXISTS (
      SELECT FROM award_correction AS x
      WHERE x.tenant_id = s.tenant_id AND x.trade_id = s.trade_id AND x.revision = s.revision
    )
  UNION ALL
  SELECT s.client_id, -1, -s.lots, -s.revenue, :last_instant
  FROM (
    SELECT g.trade_id, g.revision FROM gone AS g
    UNION
    SELECT a.trade_id, a.revision FROM award_correction AS a
    WHERE a.tenant_id = :tenant_id AND a.business_date > :since AND a.business_date <= :business_date
  ) AS g
  JOIN settled_trade AS s ON s.tenant_id = :tenant_id AND s.trade_id = g.trade_id AND s.revision = g.revision
  WHERE s.referral_gates <@ CAST(:harmless AS text[]) AND s.business_date <= :since
)
INSERT INTO award_volume (tenant_id, client_id, business_date, trades, lots, lots_total, revenue, last_at)
SELECT :tenant_id, v.client_id, :business_date, v.trades, v.lots, coalesce(p.lots_total, 0) + v.lots, v.revenue, v.last_at
FROM (
  SELECT m.client_id, sum(m.sign) AS trades, sum(m.lots) AS lots, sum(m.revenue) AS revenue,
    least(max(m.at), :last_instant) AS last_at
  FROM moved AS m GROUP BY m.client_id
) AS v
LEFT JOIN LATERAL (
  SELECT e.lots_total FROM award_volume AS e
  WHERE e.tenant_id = :tenant_id AND e.client_id = v.client_id AND e.business_date < :business_date
  ORDER BY e.business_date DESC LIMIT 1
) AS p ON true
ON CONFLICT DO NOTHING
