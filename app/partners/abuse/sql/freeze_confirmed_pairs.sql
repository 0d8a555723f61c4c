-- Traders and beneficiaries of whom a person has said that they belong together; and whether they are one person, too.
INSERT INTO run_pair (tenant_id, business_date, plan_number, client_id, partner_id, gates)
SELECT :tenant_id, :business_date, :plan_number, m.client_id, m.partner_id,
  CASE
    WHEN NOT :include_own AND EXISTS (
      SELECT FROM same_person AS c
      JOIN same_person AS p ON p.tenant_id = c.tenant_id AND p.person_id = c.person_id AND p.client_id = m.partner_id
      WHERE c.tenant_id = :tenant_id AND c.client_id = m.client_id
    ) THEN ARRAY['SELF_REFERRAL', 'SAME_CLUSTER']
    ELSE ARRAY['SAME_CLUSTER']
  END
FROM (
  SELECT k.client_a AS client_id, k.client_b AS partner_id FROM cluster_mark AS k
  WHERE k.tenant_id = :tenant_id AND k.is_linked
  UNION ALL
  SELECT k.client_b, k.client_a FROM cluster_mark AS k WHERE k.tenant_id = :tenant_id AND k.is_linked
) AS m
ON CONFLICT DO NOTHING
