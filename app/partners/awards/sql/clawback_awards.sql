/* The awards for a client since a day that stand. */
SELECT a.*
FROM commission_award AS a
WHERE a.tenant_id = :tenant_id AND a.client_id = :client_id AND a.component = 'base' AND a.business_date >= :since
  AND NOT EXISTS (
    SELECT FROM commission_award AS v
    WHERE v.tenant_id = a.tenant_id AND v.partner_id = a.partner_id AND v.kind = a.kind AND v.source_key = a.source_key
      AND v.component = 'reversal'
  )
