-- Traders and beneficiaries who are one person.
INSERT INTO run_pair (tenant_id, business_date, plan_number, client_id, partner_id, gates)
SELECT :tenant_id, :business_date, :plan_number, c.client_id, p.client_id, ARRAY['SELF_REFERRAL']
FROM same_person AS c
JOIN same_person AS p ON p.tenant_id = c.tenant_id AND p.person_id = c.person_id AND p.client_id <> c.client_id
WHERE c.tenant_id = :tenant_id
ON CONFLICT DO NOTHING
