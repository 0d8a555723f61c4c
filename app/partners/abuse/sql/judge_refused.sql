-- What a person has refused is given up.
UPDATE commission_hold AS h SET outcome = 'rejected', decided_on = :business_date
WHERE h.tenant_id = :tenant_id AND h.outcome IS NULL AND h.held_on < :business_date
  AND EXISTS (
    SELECT FROM abuse_finding_line AS x
    JOIN abuse_finding AS f ON f.tenant_id = x.tenant_id AND f.id = x.finding_id AND f.state = 'refused'
    WHERE x.tenant_id = h.tenant_id AND x.partner_id = h.partner_id AND x.trade_id = h.trade_id
      AND x.revision = h.revision AND x.track = h.track
  )
