
  AND NOT EXISTS (
    SELECT FROM abuse_finding_line AS x
    JOIN abuse_finding AS f ON f.tenant_id = x.tenant_id AND f.id = x.finding_id AND f.state IN ('open', 'kept')
    WHERE x.tenant_id = h.tenant_id AND x.partner_id = h.partner_id AND x.trade_id = h.trade_id
      AND x.revision = h.revision AND x.track = h.track
  )
