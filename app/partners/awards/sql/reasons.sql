-- One reason per beneficiary of the day's steps who gets nothing.
INSERT INTO award_reason (
  tenant_id, partner_id, client_id, kind, rule, business_date, reason, gates, level, detail
)
SELECT :tenant_id, c.partner_id, coalesce(c.client_id, c.partner_id), :kind, :rule, :business_date, c.reason, c.event_gates || c.partner_gates,
  c.level, c.detail || jsonb_build_object('distance', c.distance)
FROM award_candidate AS c
WHERE c.reason IS NOT NULL
ON CONFLICT DO NOTHING
