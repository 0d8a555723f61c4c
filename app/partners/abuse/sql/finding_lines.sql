-- The lines that a finding keeps back, the latest day first.
SELECT x.partner_id, x.trade_id, x.revision, x.track, x.business_date, x.amount, t.symbol, s.client_id,
  c.name AS partner_name, c.number AS partner_number, h.outcome
FROM abuse_finding_line AS x
JOIN settled_trade AS s ON s.tenant_id = x.tenant_id AND s.trade_id = x.trade_id AND s.revision = x.revision
JOIN closed_trade AS t ON t.tenant_id = x.tenant_id AND t.id = x.trade_id
JOIN client AS c ON c.tenant_id = x.tenant_id AND c.id = x.partner_id
LEFT JOIN commission_hold AS h
  ON h.tenant_id = x.tenant_id AND h.partner_id = x.partner_id AND h.trade_id = x.trade_id AND h.revision = x.revision
  AND h.track = x.track
WHERE x.tenant_id = :tenant_id AND x.finding_id = :finding_id
ORDER BY x.business_date DESC, x.trade_id DESC, x.partner_id, x.track
LIMIT :most
