-- A line that waited for its partner to become eligible for too long is given up. A fraud hold never ends by time alone.
UPDATE commission_hold AS h SET outcome = 'rejected', decided_on = :business_date
WHERE h.tenant_id = :tenant_id AND h.outcome IS NULL AND h.held_on < :business_date
  AND (
    (h.expires_on <= :business_date AND NOT 'FRAUD_HOLD' = ANY (h.gates))
    OR EXISTS (
      SELECT FROM trade_verdict AS v
      WHERE v.tenant_id = h.tenant_id AND v.trade_id = h.trade_id AND v.verdict = 'reject'
    )
    OR EXISTS (  -- The line was reversed while it waited: nothing is left to pay.
      SELECT FROM commission_line AS l
      WHERE l.tenant_id = h.tenant_id AND l.partner_id = h.partner_id AND l.trade_id = h.trade_id
        AND l.revision = h.revision AND l.track = h.track AND l.component = 'reversal'
    )
  )
