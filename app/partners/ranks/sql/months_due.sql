-- The months whose true-ups this run looks at: the one that ends with it, and earlier ones that it has changed.
SELECT DISTINCT d.month
FROM (
  SELECT CAST(:ending AS date) AS month WHERE CAST(:ending AS date) IS NOT NULL
  UNION
  SELECT v.month FROM commission_volume AS v
  WHERE v.tenant_id = :tenant_id AND v.business_date = :business_date AND v.month < :present
  UNION
  SELECT (CAST(:months AS date[]))[width_bucket(s.closed_at, CAST(:month_starts AS timestamptz[]))]
  FROM commission_hold AS h
  JOIN settled_trade AS s ON s.tenant_id = h.tenant_id AND s.trade_id = h.trade_id AND s.revision = h.revision
  WHERE h.tenant_id = :tenant_id AND h.decided_on = :business_date AND h.outcome = 'cleared'
) AS d
WHERE d.month < :present OR d.month = CAST(:ending AS date)
