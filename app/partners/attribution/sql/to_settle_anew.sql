-- The settled trades of these clients whose path lies behind an instant. One that waits for its next revision anyway is
-- not among them.
SELECT s.trade_id
FROM settled_trade AS s
JOIN closed_trade AS t
  ON t.tenant_id = s.tenant_id AND t.id = s.trade_id AND t.revision = s.revision AND t.deleted_at IS NULL
WHERE s.tenant_id = :tenant_id AND s.client_id = ANY (CAST(:clients AS uuid[])) AND s.path_at >= :since
  AND s.business_date >= :first_day
ORDER BY s.trade_id
