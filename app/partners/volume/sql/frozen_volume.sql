JOIN run_volume AS vo  -- What arrived after the run began has no row, and is settled by the next one.
  ON vo.tenant_id = t.tenant_id AND vo.business_date = :business_date AND vo.plan_number = :plan_number
  AND vo.trade_id = t.id AND vo.revision = t.revision
