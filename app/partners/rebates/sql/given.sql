-- What the shares of some givers to some receivers came to, and what of it in the last days. Of a line that waits or was given
-- up nothing is given yet.
SELECT s.giver_id, s.receiver_id, s.kind, sum(s.amount) AS amount,
  sum(CASE WHEN s.business_date >= :since THEN s.amount ELSE 0 END) AS lately
FROM commission_share AS s
LEFT JOIN commission_hold AS h
  ON h.tenant_id = s.tenant_id AND h.partner_id = s.giver_id AND h.trade_id = s.trade_id AND h.revision = s.revision
  AND h.track = s.track
WHERE s.tenant_id = :tenant_id AND s.giver_id = ANY (CAST(:givers AS uuid[]))
  AND s.receiver_id = ANY (CAST(:receivers AS uuid[]))
  AND (h.held_on IS NULL OR h.outcome = 'cleared')
GROUP BY s.giver_id, s.receiver_id, s.kind
