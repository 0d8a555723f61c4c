-- Who may not trade for commission or may not earn it under a plan version, as of the start of the run. Ordinary people
-- have no row. Where not everybody takes part in the programme (:joins_open is false), those below whom somebody stands
-- or stood need an admission; whoever left took part until then.
INSERT INTO run_gate (tenant_id, business_date, plan_number, client_id, trader_gates, partner_gates, is_country_denied)
SELECT :tenant_id, :business_date, :plan_number, f.id, f.trader_gates, f.partner_gates, f.is_country_denied
FROM (
  SELECT c.id,
    array_remove(ARRAY[
      CASE WHEN c.status <> 'active' THEN 'CLIENT_NOT_ACTIVE' END,
      CASE WHEN c.kyc_level < :client_kyc_level THEN 'CLIENT_KYC' END,
      CASE WHEN :client_funded AND funded.client_id IS NULL THEN 'CLIENT_NOT_FUNDED' END,
      CASE WHEN locked.id IS NOT NULL THEN 'CLIENT_LOCKED' END
    ], NULL) AS trader_gates,
    array_remove(ARRAY[
      CASE
        WHEN :joins_open AND said.status IN ('left', 'refused') AND said.decided_at <= :as_of THEN 'PARTNER_NOT_APPROVED'
        WHEN NOT :joins_open AND NOT coalesce(
          (said.status = 'approved' AND said.decided_at <= :as_of) OR (said.status = 'left' AND said.decided_at > :as_of),
          false
        ) AND EXISTS (
          SELECT FROM partner_link AS l WHERE l.tenant_id = :tenant_id AND l.parent_id = c.id
        ) THEN 'PARTNER_NOT_APPROVED'
      END,
      CASE WHEN c.status <> 'active' THEN 'PARTNER_SUSPENDED' END,
      CASE WHEN c.kyc_level < :partner_kyc_level THEN 'PARTNER_KYC' END,
      CASE WHEN locked.id IS NOT NULL THEN 'ACCRUAL_LOCKED' END,
      CASE WHEN c.country = ANY (CAST(:countries_denied AS text[])) THEN 'COUNTRY_DENIED' END
    ], NULL) AS partner_gates,
    c.country = ANY (CAST(:countries_denied AS text[])) AS is_country_denied
  FROM client AS c
  LEFT JOIN unnest(CAST(:locked AS uuid[])) AS locked (id) ON locked.id = c.id
  LEFT JOIN referral_membership AS said ON said.tenant_id = :tenant_id AND said.client_id = c.id
  LEFT JOIN (  -- Who ever paid anything in: to us, or to a real account of theirs on a platform.
    SELECT d.client_id FROM deposit AS d
    WHERE d.tenant_id = :tenant_id AND d.status = 'succeeded' AND :client_funded
    UNION
    SELECT a.client_id FROM trading_account AS a
    JOIN deal AS b ON b.tenant_id = a.tenant_id AND b.platform_id = a.platform_id AND b.login = a.login
    WHERE a.tenant_id = :tenant_id AND NOT a.is_demo AND b.kind = 'balance' AND b.profit > 0 AND b.deleted_at IS NULL
      AND :client_funded
    UNION
    SELECT a.client_id FROM trading_account AS a
    WHERE a.tenant_id = :tenant_id AND NOT a.is_demo AND a.opening_balance > 0 AND :client_funded
  ) AS funded ON funded.client_id = c.id
  WHERE c.tenant_id = :tenant_id
) AS f
WHERE f.trader_gates <> '{}' OR f.partner_gates <> '{}'
ON CONFLICT DO NOTHING
