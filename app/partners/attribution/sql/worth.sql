-- What settled trades would have paid whom on the paths of one instant: by the rules, rates and bases that they were
-- settled with, if every partner may earn, and before caps.
SELECT p.partner_id, sum(p.amount) AS amount
FROM (
  SELECT r.beneficiary_id AS partner_id,
    CASE
      WHEN r.track = 'god' THEN round_even(r.rate * m.rate * s.lots, 10)
      WHEN m.shares IS NULL THEN round_even(s.base * m.rate, 10)
      ELSE chain_shares(s.base, m.shares)
    END AS amount
  FROM (
    SELECT DISTINCT ON (n.trade_id) n.* FROM settled_trade AS n
    WHERE n.tenant_id = :tenant_id AND n.client_id = ANY (CAST(:clients AS uuid[])) AND n.business_date >= :day_from
    ORDER BY n.trade_id, n.revision DESC
  ) AS s
  JOIN (
/* derived */
  ) AS r ON r.client_id = s.client_id AND r.valid_from <= :at AND r.valid_to > :at
  JOIN run_term AS m
    ON m.tenant_id = :tenant_id AND m.business_date = s.business_date AND m.plan_number = s.plan_number
    AND m.track = r.track
    AND m.rule = CASE r.track WHEN 'referral' THEN s.referral_rule ELSE s.god_rule END
    AND m.level = CASE r.track WHEN 'referral' THEN r.level ELSE 0 END
  WHERE CASE r.track WHEN 'referral' THEN s.referral_gates ELSE s.god_gates END = '{}'
) AS p
GROUP BY p.partner_id
HAVING sum(p.amount) <> 0
