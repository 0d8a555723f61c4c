/* The closed trades that a run settles under one plan version: those of its day, late ones that arrived since the run
   before, and those that waited for a spread or a rate. One settled in its present revision is not among them. */
closed_trade AS t
WHERE t.tenant_id = :tenant_id AND t.deleted_at IS NULL
  AND t.closed_at >= :version_from AND t.closed_at < :version_to
  AND (t.closed_at >= :scan_from OR t.batch_no > :batch_from)
  AND NOT EXISTS (
    SELECT FROM settled_trade AS s
    WHERE s.tenant_id = t.tenant_id AND s.trade_id = t.id AND s.revision = t.revision
  )
