-- How many closed trades each settlement day of a stretch holds.
SELECT (CAST(:days AS date[]))[width_bucket(t.closed_at, CAST(:day_starts AS timestamptz[]))] AS day, count(*) AS trades
FROM closed_trade AS t
WHERE t.tenant_id = :tenant_id AND t.deleted_at IS NULL AND t.closed_at >= :begin AND t.closed_at < :end
GROUP BY 1
