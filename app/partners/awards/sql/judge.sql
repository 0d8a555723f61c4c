-- Held awards: settled with this day once their partner may earn again, given up when they waited too long or were
-- reversed meanwhile.
UPDATE commission_award_hold AS h
SET decided_on = :business_date,
  outcome = CASE
    WHEN h.expires_on <= :business_date OR EXISTS (
      SELECT FROM commission_award AS r
      WHERE r.tenant_id = h.tenant_id AND r.partner_id = h.partner_id AND r.kind = h.kind
        AND r.source_key = h.source_key AND r.component = 'reversal'
    ) THEN 'rejected'
    ELSE 'cleared'
  END
WHERE h.tenant_id = :tenant_id AND h.outcome IS NULL AND h.held_on < :business_date
  AND (
    h.expires_on <= :business_date
    OR EXISTS (
      SELECT FROM commission_award AS r
      WHERE r.tenant_id = h.tenant_id AND r.partner_id = h.partner_id AND r.kind = h.kind
        AND r.source_key = h.source_key AND r.component = 'reversal'
    )
    OR NOT EXISTS (
      SELECT FROM run_gate AS g
      WHERE g.tenant_id = h.tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
        AND g.client_id = h.partner_id AND g.partner_gates <> '{}'
    )
  )
