-- Whether a line or what stands in its place waits or waited for a decision.
SELECT h.gates, h.held_on, h.expires_on, h.outcome, h.decided_on
FROM commission_hold AS h
WHERE h.tenant_id = :tenant_id AND h.partner_id = :partner_id AND h.trade_id = :trade_id AND h.revision = :revision
  AND h.track = :track
