-- What is under audit and holds lines of a client's trades since a day: it is not released while somebody looks.
INSERT INTO abuse_finding_batch (tenant_id, partner_id, track, business_date, finding_id, amount)
SELECT :tenant_id, l.partner_id, l.track, l.business_date, :finding_id, sum(l.amount)
FROM (/* lines */) AS l
JOIN commission_batch AS b
  ON b.tenant_id = :tenant_id AND b.partner_id = l.partner_id AND b.track = l.track AND b.business_date = l.business_date
  AND b.status = 'posted' AND b.purpose = 'settle'
GROUP BY l.partner_id, l.track, l.business_date
ON CONFLICT DO NOTHING
