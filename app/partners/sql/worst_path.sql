-- Who gets an amount per lot on the path where that costs most today, nearest first.
WITH rates AS (
  SELECT r.client_id, r.distance, g.partner_id, greatest(g.rate_per_lot, o.amount, :highest) AS rate
  FROM receiver AS r
  JOIN god_grant AS g
    ON g.tenant_id = r.tenant_id AND g.partner_id = r.beneficiary_id AND g.valid_from <= :now AND g.valid_to > :now
  LEFT JOIN LATERAL (
    SELECT max(p.amount) AS amount FROM partner_rate AS p
    WHERE p.tenant_id = g.tenant_id AND p.partner_id = g.partner_id AND p.track = 'god' AND p.status = 'given'
      AND p.valid_from <= :now AND p.valid_to > :now
  ) AS o ON true
  WHERE r.tenant_id = :tenant_id AND r.track = 'god' AND r.valid_from <= :now AND r.valid_to > :now
)
SELECT partner_id, rate FROM rates
WHERE client_id = (
  SELECT client_id FROM rates GROUP BY client_id
  ORDER BY CASE WHEN :adds_up THEN sum(rate) ELSE max(rate) END DESC, client_id LIMIT 1
)
ORDER BY distance
