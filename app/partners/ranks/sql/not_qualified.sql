-- Partners whom the programme does not pay yet, among the gates of the run.
INSERT INTO run_gate AS g (tenant_id, business_date, plan_number, client_id, trader_gates, partner_gates, is_country_denied)
SELECT :tenant_id, :business_date, :plan_number, p.partner_id, '{}', ARRAY['NOT_QUALIFIED'], false
FROM unnest(CAST(:partners AS uuid[])) AS p (partner_id)
ON CONFLICT (tenant_id, business_date, plan_number, client_id) DO UPDATE
SET partner_gates = array_remove(g.partner_gates, 'COUNTRY_DENIED') || ARRAY['NOT_QUALIFIED']
  || CASE WHEN 'COUNTRY_DENIED' = ANY (g.partner_gates) THEN ARRAY['COUNTRY_DENIED'] ELSE '{}'::text[] END
