-- One snapshot per house wallet that was posted to since its last one, of all entries with an id below the boundary.
INSERT INTO wallet_snapshot (tenant_id, wallet_id, before_entry_id, balance_minor, taken_at)
SELECT :tenant_id, w.id, :boundary, coalesce(s.balance_minor, 0) + p.total, :now
FROM wallet AS w
LEFT JOIN LATERAL (
  SELECT l.before_entry_id, l.balance_minor FROM wallet_snapshot AS l
  WHERE l.tenant_id = w.tenant_id AND l.wallet_id = w.id ORDER BY l.before_entry_id DESC LIMIT 1
) AS s ON true
JOIN LATERAL (
  SELECT sum(p.amount_minor) AS total FROM posting AS p
  WHERE p.tenant_id = w.tenant_id AND p.wallet_id = w.id AND p.wallet_seq IS NULL AND p.entry_id < :boundary
    AND p.entry_id >= coalesce(s.before_entry_id, '00000000-0000-0000-0000-000000000000')
) AS p ON p.total IS NOT NULL
WHERE w.tenant_id = :tenant_id AND NOT w.keeps_balance
ON CONFLICT DO NOTHING
