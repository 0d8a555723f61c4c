-- What was held is settled with this day once nothing speaks against it any more.
UPDATE commission_hold AS h SET outcome = 'cleared', decided_on = :business_date
WHERE h.tenant_id = :tenant_id AND h.outcome IS NULL AND h.held_on < :business_date
  AND NOT EXISTS (
    SELECT FROM run_gate AS g
    WHERE g.tenant_id = h.tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
      AND g.client_id = h.partner_id AND g.partner_gates <> '{}'
  )
  AND NOT EXISTS (
    SELECT FROM trade_verdict AS v
    WHERE v.tenant_id = h.tenant_id AND v.trade_id = h.trade_id AND v.verdict = 'hold'
  )
