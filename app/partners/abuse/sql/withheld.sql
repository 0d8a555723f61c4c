-- Batches that a finding keeps from being released: while nobody has decided, and while what was refused is taken back.
SELECT DISTINCT x.partner_id, x.track, x.business_date
FROM abuse_finding_batch AS x
JOIN abuse_finding AS f ON f.tenant_id = x.tenant_id AND f.id = x.finding_id
WHERE x.tenant_id = :tenant_id
  AND (f.state IN ('open', 'kept') OR (f.state = 'refused' AND EXISTS (
    SELECT FROM clawback AS c
    WHERE c.tenant_id = f.tenant_id AND c.id = f.clawback_id AND c.status IN ('requested', 'approved')
  )))
