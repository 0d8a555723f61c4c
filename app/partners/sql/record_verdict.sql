-- What was decided about a closed trade; a later decision replaces an earlier one.
INSERT INTO trade_verdict (tenant_id, trade_id, verdict, reason, decided_by, decided_by_id, decided_at)
VALUES (:tenant_id, :trade_id, :verdict, :reason, :by, :by_id, :now)
ON CONFLICT (tenant_id, trade_id) DO UPDATE
SET verdict = excluded.verdict, reason = excluded.reason, decided_by = excluded.decided_by,
  decided_by_id = excluded.decided_by_id, decided_at = excluded.decided_at
