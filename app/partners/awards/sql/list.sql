SELECT a.partner_id, a.kind, a.source_key, a.component, a.business_date, a.client_id, a.level, a.plan_number, a.rate,
  a.base, a.amount, a.reason_text, a.detail, c.name AS client_name, c.number AS client_number, h.outcome AS hold_outcome,
  h.held_on, h.gates AS held_for, b.status AS batch_status, b.due_at, a.track, h.decided_on
FROM commission_award AS a
LEFT JOIN client AS c ON c.tenant_id = a.tenant_id AND c.id = a.client_id
LEFT JOIN commission_award_hold AS h
  ON h.tenant_id = a.tenant_id AND h.partner_id = a.partner_id AND h.kind = a.kind AND h.source_key = a.source_key
  AND a.component = 'base'
LEFT JOIN commission_batch AS b
  ON b.tenant_id = a.tenant_id AND b.partner_id = a.partner_id AND b.track = a.track AND b.sequence = 0
  AND b.business_date = coalesce(h.decided_on, a.business_date) AND a.amount > 0
WHERE a.tenant_id = :tenant_id AND a.partner_id = :partner_id
