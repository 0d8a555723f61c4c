-- The first and the last closing of the run's trades, and the dates on which they were closed.
SELECT min(t.closed_at) AS first_at, array_agg(DISTINCT CAST(t.closed_at AT TIME ZONE 'UTC' AS date)) AS dates
FROM /* include candidates_scope */
