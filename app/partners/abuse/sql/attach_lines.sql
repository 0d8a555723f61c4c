-- The lines of this day that findings keep back: of a client's trades, of a partner, or of both together.
INSERT INTO abuse_finding_line (
  tenant_id, partner_id, trade_id, revision, track, finding_id, business_date, amount
)
SELECT :tenant_id, l.partner_id, l.trade_id, l.revision, l.track, f.id, :business_date, l.amount
FROM commission_line AS l
JOIN settled_trade AS s
  ON s.tenant_id = l.tenant_id AND s.trade_id = l.trade_id AND s.revision = l.revision AND s.business_date = :business_date
JOIN abuse_finding AS f ON f.tenant_id = :tenant_id AND f.client_id = s.client_id
WHERE l.tenant_id = :tenant_id AND l.business_date = :business_date AND l.component = 'base'
  AND f.action = 'hold' AND f.state IN ('open', 'kept')
  AND (
    f.kind IN ('SCALPER', 'CHURN_INTENSITY', 'EMPTY_VOLUME')
    OR (f.kind = 'SELF_REFERRAL_RING' AND f.partner_id = l.partner_id)
    OR (f.kind = 'SHORT_HOLD' AND EXISTS (
      SELECT FROM closed_trade AS t
      JOIN trading_account AS a ON a.tenant_id = t.tenant_id AND a.id = t.account_id
      WHERE t.tenant_id = s.tenant_id AND t.id = s.trade_id AND t.closed_at - t.opened_at < CAST(:min_hold AS interval)
        AND NOT t.reason = ANY (CAST(:exempt_from_hold AS text[]))
        AND NOT a.group_name = ANY (CAST(:exempt_hold_groups AS text[]))
    ))
  )
UNION ALL
SELECT :tenant_id, l.partner_id, l.trade_id, l.revision, l.track, f.id, :business_date, l.amount
FROM commission_line AS l
JOIN abuse_finding AS f ON f.tenant_id = :tenant_id AND f.partner_id = l.partner_id
WHERE l.tenant_id = :tenant_id AND l.business_date = :business_date AND l.component = 'base' AND l.track <> 'cashback'
  AND f.action = 'hold' AND f.state IN ('open', 'kept') AND f.kind IN ('HOLD_TIME_GAMING', 'PHANTOM_SUB_PARTNER')
UNION ALL
SELECT :tenant_id, l.partner_id, l.trade_id, l.revision, l.track, f.id, :business_date, l.amount
FROM abuse_finding AS f
JOIN run_link AS g
  ON g.tenant_id = :tenant_id AND g.business_date = :business_date AND g.client_id = f.partner_id AND g.cluster > 0
JOIN run_link AS r ON r.tenant_id = :tenant_id AND r.business_date = :business_date AND r.cluster = g.cluster
JOIN settled_trade AS s
  ON s.tenant_id = :tenant_id AND s.business_date = :business_date AND s.client_id = r.client_id
JOIN commission_line AS l
  ON l.tenant_id = :tenant_id AND l.partner_id = r.partner_id AND l.trade_id = s.trade_id AND l.revision = s.revision
  AND l.business_date = :business_date AND l.component = 'base'
WHERE f.tenant_id = :tenant_id AND f.kind = 'CHURNING' AND f.action = 'hold' AND f.state IN ('open', 'kept')
ON CONFLICT DO NOTHING
