-- What the people of each cluster received for each other's trades in the window, and what those trades cost them.
WITH people AS (
  SELECT DISTINCT r.cluster, r.client_id FROM run_link AS r
  WHERE r.tenant_id = :tenant_id AND r.business_date = :business_date AND r.cluster > 0
), pairs AS (
  SELECT r.cluster, r.client_id, r.partner_id FROM run_link AS r
  WHERE r.tenant_id = :tenant_id AND r.business_date = :business_date AND r.cluster > 0
  UNION SELECT p.cluster, p.client_id, p.client_id FROM people AS p
), paid AS (
  SELECT p.cluster, array_agg(DISTINCT p.client_id) AS clients, sum(d.revenue) AS revenue
  FROM people AS p
  LEFT JOIN client_day AS d
    ON d.tenant_id = :tenant_id AND d.client_id = p.client_id AND d.business_date > :window_from
    AND d.business_date <= :business_date
  GROUP BY p.cluster
), got AS (
  SELECT p.cluster, p.partner_id, sum(l.amount) AS amount
  FROM pairs AS p
  JOIN closed_trade AS t ON t.tenant_id = :tenant_id AND t.client_id = p.client_id
  JOIN commission_line AS l
    ON l.tenant_id = :tenant_id AND l.partner_id = p.partner_id AND l.trade_id = t.id
    AND l.component IN ('base', 'reversal') AND l.business_date > :window_from AND l.business_date <= :business_date
  GROUP BY p.cluster, p.partner_id
)
SELECT g.cluster, (array_agg(g.partner_id ORDER BY g.amount DESC, g.partner_id))[1] AS partner_id,
  sum(g.amount) AS commission, coalesce(max(p.revenue), 0) AS revenue, max(p.clients) AS clients
FROM got AS g
JOIN paid AS p ON p.cluster = g.cluster
GROUP BY g.cluster
HAVING sum(g.amount) > 0 AND sum(g.amount) >= CAST(:review_at AS numeric) * coalesce(max(p.revenue), 0)
ORDER BY g.cluster
