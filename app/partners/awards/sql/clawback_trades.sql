-- The trades count no more: settled anew after a correction they pay nothing, and no condition looks at their lots.
WITH gone AS (
  SELECT s.trade_id, max(s.revision) AS revision
  FROM closed_trade AS t
  JOIN settled_trade AS s ON s.tenant_id = t.tenant_id AND s.trade_id = t.id AND s.business_date >= :since
  WHERE t.tenant_id = :tenant_id AND t.client_id = :client_id
  GROUP BY s.trade_id
), corrected AS (
  INSERT INTO award_correction (tenant_id, trade_id, revision, business_date)
  SELECT :tenant_id, g.trade_id, g.revision, :business_date FROM gone AS g
  ON CONFLICT DO NOTHING
)
INSERT INTO trade_verdict (tenant_id, trade_id, verdict, reason, decided_by, decided_at)
SELECT :tenant_id, g.trade_id, 'reject', :reason_text, :decided_by, :now FROM gone AS g
ON CONFLICT (tenant_id, trade_id) DO UPDATE
SET verdict = excluded.verdict, reason = excluded.reason, decided_by = excluded.decided_by, decided_at = excluded.decided_at
