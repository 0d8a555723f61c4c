-- Between which instants the trades of a settlement day were closed.
SELECT min(s.closed_at) AS first_at, max(s.closed_at) AS last_at FROM settled_trade AS s
WHERE s.tenant_id = :tenant_id AND s.business_date = :business_date
