-- Trades of a partner's days that paid nothing, each with its first reason.
SELECT r.business_date, r.trade_id, r.revision, r.track, r.reason, t.symbol, t.closed_at, s.lots,
  c.name AS client_name, c.number AS client_number
FROM commission_reason AS r
JOIN settled_trade AS s ON s.tenant_id = r.tenant_id AND s.trade_id = r.trade_id AND s.revision = r.revision
JOIN closed_trade AS t ON t.tenant_id = r.tenant_id AND t.id = r.trade_id
JOIN client AS c ON c.tenant_id = r.tenant_id AND c.id = s.client_id
WHERE r.tenant_id = :tenant_id AND r.partner_id = :partner_id
  AND r.business_date >= :day_from AND r.business_date <= :day_to
ORDER BY r.business_date, r.trade_id, r.track
LIMIT :limit
