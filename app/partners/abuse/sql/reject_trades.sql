-- The trades of a refused client count no more: settled anew after a correction they pay nothing.
INSERT INTO trade_verdict (tenant_id, trade_id, verdict, reason, decided_by, decided_at)
SELECT DISTINCT :tenant_id, x.trade_id, 'reject', :reason_text, :decided_by, CAST(:now AS timestamptz)
FROM abuse_finding_line AS x
WHERE x.tenant_id = :tenant_id AND x.finding_id = :finding_id
ON CONFLICT (tenant_id, trade_id) DO UPDATE
SET verdict = excluded.verdict, reason = excluded.reason, decided_by = excluded.decided_by, decided_at = excluded.decided_at
