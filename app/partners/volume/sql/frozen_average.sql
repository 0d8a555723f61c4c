LEFT JOIN run_spread AS av
  ON av.tenant_id = t.tenant_id AND av.business_date = :business_date AND av.plan_number = :plan_number
  AND av.symbol = t.symbol AND av.on_date = CAST(t.closed_at AT TIME ZONE 'UTC' AS date)
