-- The client below whom amounts per lot cost most today.
SELECT r.client_id
FROM receiver AS r
JOIN god_grant AS g
  ON g.tenant_id = r.tenant_id AND g.partner_id = r.beneficiary_id AND g.valid_from <= :now AND g.valid_to > :now
WHERE r.tenant_id = :tenant_id AND r.track = 'god' AND r.valid_from <= :now AND r.valid_to > :now
GROUP BY r.client_id
ORDER BY CASE WHEN :adds_up THEN sum(g.rate_per_lot) ELSE max(g.rate_per_lot) END DESC, r.client_id
LIMIT 1
