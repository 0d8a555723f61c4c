-- The most that the god-mode partners of any one path have per lot, by grant, own rate, tiers or rank: together, or the
-- highest of them.
SELECT coalesce(max(per_path), 0)
FROM (
  SELECT CASE WHEN :adds_up THEN sum(greatest(g.rate_per_lot, o.amount, :highest))
    ELSE max(greatest(g.rate_per_lot, o.amount, :highest)) END AS per_path
  FROM receiver AS r
  JOIN god_grant AS g
    ON g.tenant_id = r.tenant_id AND g.partner_id = r.beneficiary_id AND g.valid_from <= :now AND g.valid_to > :now
  LEFT JOIN LATERAL (
    SELECT max(p.amount) AS amount FROM partner_rate AS p
    WHERE p.tenant_id = g.tenant_id AND p.partner_id = g.partner_id AND p.track = 'god' AND p.status = 'given'
      AND p.valid_from <= :now AND p.valid_to > :now
  ) AS o ON true
  WHERE r.tenant_id = :tenant_id AND r.track = 'god' AND r.valid_from <= :now AND r.valid_to > :now
  GROUP BY r.client_id
) AS paths
