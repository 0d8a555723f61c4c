-- Partners too many of whose clients' lots, at any depth, were short or closed within the margin above the minimum.
WITH RECURSIVE flow AS (
  SELECT d.client_id, sum(d.trades) AS trades, sum(d.lots) AS lots, sum(d.short_lots) AS short_lots,
    sum(d.near_lots) AS near_lots
  FROM client_day AS d
  WHERE d.tenant_id = :tenant_id AND d.business_date > :window_from AND d.business_date <= :business_date
  GROUP BY d.client_id
), up AS (
  SELECT f.client_id, k.parent_id AS partner_id
  FROM flow AS f
  JOIN partner_link AS k
    ON k.tenant_id = :tenant_id AND k.child_id = f.client_id AND k.valid_from <= :at AND k.valid_to > :at
  UNION
  SELECT u.client_id, k.parent_id
  FROM up AS u
  JOIN partner_link AS k
    ON k.tenant_id = :tenant_id AND k.child_id = u.partner_id AND k.valid_from <= :at AND k.valid_to > :at
)
SELECT u.partner_id, sum(f.trades) AS trades, sum(f.lots) AS lots, sum(f.short_lots) AS short_lots,
  sum(f.near_lots) AS near_lots, count(*) AS clients
FROM up AS u
JOIN flow AS f ON f.client_id = u.client_id
GROUP BY u.partner_id
HAVING sum(f.trades) >= :trades_min AND sum(f.short_lots) + sum(f.near_lots) > :share_above * sum(f.lots)
ORDER BY u.partner_id
