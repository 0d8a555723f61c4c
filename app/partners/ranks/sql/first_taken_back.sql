-- When the first trade was closed that arrived again, corrected or taken away, since the run before.
SELECT min(t.closed_at) FROM closed_trade AS t
WHERE t.tenant_id = :tenant_id AND t.batch_no > :batch_from AND (t.corrected_at IS NOT NULL OR t.deleted_at IS NOT NULL)
