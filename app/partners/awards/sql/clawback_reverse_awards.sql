-- The exact opposite of every award, pointing at it by its key.
INSERT INTO commission_award (
  tenant_id, partner_id, kind, source_key, component, business_date, track, client_id, level, plan_number, rate, base,
  amount, reason_text, detail, created_at
)
SELECT :tenant_id, a.partner_id, a.kind, a.source_key, 'reversal', :business_date, a.track, a.client_id, a.level,
  :plan_number, a.rate, -a.base, -a.amount, :reason_text,
  jsonb_build_object('rule', a.detail -> 'rule', 'clawback', CAST(:clawback_id AS text), 'trigger', CAST(:trigger AS text)),
  :now
FROM (/* include clawback_awards */) AS a
ON CONFLICT DO NOTHING
