-- One row per trade, potential beneficiary and track: an amount, or the first reason against it.
CREATE TEMPORARY TABLE candidate ON COMMIT DROP AS
SELECT c.trade_id, c.revision, c.track, c.partner_id, c.distance, c.level, c.rate,
  c.amount AS amount_before_cap,
  CASE WHEN c.amount > c.max_per_event THEN c.max_per_event ELSE c.amount END AS amount,
  CASE WHEN c.amount > c.max_per_event THEN 'event' ELSE '' END AS cap,
  coalesce(
    c.event_gates[1],
    CASE WHEN NOT :is_held THEN c.partner_gates[1] END,
    CASE WHEN c.track = 'god' AND c.rate = 0 THEN 'NESTED_POLICY' WHEN c.amount = 0 THEN 'ZERO_AMOUNT' END
  ) AS reason,
  CASE WHEN c.partner_gates IS NULL THEN c.event_gates ELSE c.event_gates || c.partner_gates END AS gates,
  CASE
    WHEN NOT c.trade_is_held AND (NOT :is_held OR c.partner_gates IS NULL) THEN '{}'::text[]
    WHEN NOT :is_held THEN ARRAY['FRAUD_HOLD']
    WHEN c.trade_is_held THEN ARRAY['FRAUD_HOLD'] || c.partner_gates
    ELSE c.partner_gates
  END AS held_for
FROM (
  SELECT t.trade_id, t.revision, r.track, r.beneficiary_id AS partner_id, r.distance, r.level,
    CASE r.track WHEN 'referral' THEN m.rate ELSE r.rate END AS rate,
    CASE
      WHEN r.track = 'referral' THEN
        CASE WHEN m.shares IS NULL THEN round_even(t.base * m.rate, 10) ELSE chain_shares(t.base, m.shares) END
      WHEN r.pool_rate IS NULL THEN round_even(r.rate * m.rate * t.lots, 10)
      ELSE round_even(r.pool_rate * m.rate * t.lots * r.reaching, 10)
        - round_even(r.pool_rate * m.rate * t.lots * r.passed, 10)
    END AS amount,
    m.max_per_event,
    CASE r.track WHEN 'referral' THEN t.referral_gates ELSE t.god_gates END AS event_gates,
    nullif(/* pair_gates */CASE
      WHEN g.client_id IS NULL THEN CASE WHEN t.is_country_denied THEN ARRAY['COUNTRY_DENIED'] ELSE '{}'::text[] END
      WHEN t.is_country_denied AND NOT 'COUNTRY_DENIED' = ANY (g.partner_gates)
      THEN g.partner_gates || ARRAY['COUNTRY_DENIED']
      ELSE g.partner_gates
    END/* pair_gates_end */, '{}') AS partner_gates,
    t.is_held AS trade_is_held
  FROM trade_now AS t
  JOIN (
    /* receivers */
  ) AS r ON r.client_id = t.client_id AND t.path_at >= r.valid_from AND t.path_at < r.valid_to AND r.is_own = t.has_own_receivers
  JOIN run_term AS m
    ON m.tenant_id = :tenant_id AND m.business_date = :business_date AND m.plan_number = :plan_number
    AND m.track = r.track
    AND m.rule = CASE r.track WHEN 'referral' THEN t.referral_rule ELSE t.god_rule END
    AND m.level = CASE r.track WHEN 'referral' THEN r.level ELSE 0 END
  LEFT JOIN run_gate AS g
    ON g.tenant_id = :tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
    AND g.client_id = r.beneficiary_id
  /* pairs */
  OFFSET 0
) AS c
