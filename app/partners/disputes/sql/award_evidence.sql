-- All that an award came from, as it stands now.
SELECT jsonb_build_object(
  'award', to_jsonb(a),
  'client', (
    SELECT jsonb_build_object('id', c.id, 'number', c.number, 'kyc_level', c.kyc_level, 'status', c.status)
    FROM client AS c WHERE c.tenant_id = :tenant_id AND c.id = a.client_id
  ),
  'plan', (
    SELECT to_jsonb(v) FROM plan_version AS v WHERE v.tenant_id = :tenant_id AND v.number = a.plan_number
  ),
  'run', (
    SELECT to_jsonb(n) FROM settlement_run AS n WHERE n.tenant_id = :tenant_id AND n.business_date = :business_date
  ),
  'batches', (
    SELECT jsonb_agg(to_jsonb(b) ORDER BY b.track, b.sequence) FROM commission_batch AS b
    WHERE b.tenant_id = :tenant_id AND b.partner_id = :partner_id AND b.business_date = :business_date
  ),
  'journals', (/* include journals */),
  'statement', (
    SELECT jsonb_agg(to_jsonb(e)) FROM commission_statement AS e
    WHERE e.tenant_id = :tenant_id AND e.partner_id = :partner_id AND e.business_date = :business_date
  )
) AS document
FROM commission_award AS a
WHERE a.tenant_id = :tenant_id AND a.partner_id = :partner_id AND a.kind = :award_kind AND a.source_key = :award_key
  AND a.component = 'base'
