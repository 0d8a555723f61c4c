-- What all of a partner's shares came to since a day, by kind.
SELECT s.kind, sum(s.amount) AS amount
FROM commission_share AS s
LEFT JOIN commission_hold AS h
  ON h.tenant_id = s.tenant_id AND h.partner_id = s.giver_id AND h.trade_id = s.trade_id AND h.revision = s.revision
  AND h.track = s.track
WHERE s.tenant_id = :tenant_id AND s.giver_id = :partner_id AND s.business_date >= :since
  AND (h.held_on IS NULL OR h.outcome = 'cleared')
GROUP BY s.kind
