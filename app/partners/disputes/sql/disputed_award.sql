-- What an award of a partner came to.
SELECT a.business_date, a.track, a.amount
FROM commission_award AS a
WHERE a.tenant_id = :tenant_id AND a.partner_id = :partner_id AND a.kind = :award_kind AND a.source_key = :award_key
  AND a.component = 'base'
