-- One award per paid beneficiary of a step.
INSERT INTO commission_award (
  tenant_id, partner_id, kind, source_key, component, business_date, track, client_id, level, plan_number, rate, base,
  amount, reason_text, detail, created_at
)
SELECT :tenant_id, c.partner_id, :kind, c.source_key, 'base', :business_date, 'award', c.client_id, c.level, :plan_number, c.rate, c.base, c.amount, '',
  c.detail || jsonb_build_object(
    'rule', CAST(:rule AS text), 'step', CAST(trim_scale(c.step) AS text), 'weight', CAST(trim_scale(:weight) AS text),
    'distance', c.distance, 'path_at', c.path_at, 'chained', CAST(:chained AS boolean)
  ),
  :now
FROM award_candidate AS c
WHERE c.reason IS NULL
ON CONFLICT DO NOTHING
