-- What was held is settled with this day once nothing speaks against it any more.
UPDATE commission_hold AS h SET outcome = 'cleared', decided_on = :business_date
WHERE h.tenant_id = :tenant_id AND h.outcome IS NULL AND h.held_on < :business_date
  AND (h.track = 'cashback' OR NOT EXISTS (  -- What a partner must satisfy is not asked of a trader.
    SELECT FROM run_gate AS g
    WHERE g.tenant_id = h.tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
      AND g.client_id = h.partner_id AND g.partner_gates <> '{}'
  ))
  AND (h.track = 'cashback' OR NOT EXISTS (  -- Where the trader lives can forbid it, too.
    SELECT FROM settled_trade AS s
    JOIN run_gate AS t
      ON t.tenant_id = s.tenant_id AND t.business_date = :business_date AND t.plan_number = :plan_number
      AND t.client_id = s.client_id AND t.is_country_denied
    WHERE s.tenant_id = h.tenant_id AND s.trade_id = h.trade_id AND s.revision = h.revision
  ))
  AND (h.track = 'cashback' OR NOT EXISTS (  -- Nor may the two be one person.
    SELECT FROM settled_trade AS s
    JOIN run_pair AS p
      ON p.tenant_id = s.tenant_id AND p.business_date = :business_date AND p.plan_number = :plan_number
      AND p.client_id = s.client_id AND p.partner_id = h.partner_id
    WHERE s.tenant_id = h.tenant_id AND s.trade_id = h.trade_id AND s.revision = h.revision
  ))
  AND NOT EXISTS (
    SELECT FROM trade_verdict AS v
    WHERE v.tenant_id = h.tenant_id AND v.trade_id = h.trade_id AND v.verdict = 'hold'
  )
