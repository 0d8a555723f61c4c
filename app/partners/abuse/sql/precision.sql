-- How people decided about what a detector found.
SELECT f.kind, count(*) FILTER (WHERE f.state = 'refused') AS refused,
  count(*) FILTER (WHERE f.state = 'cleared') AS cleared, count(*) FILTER (WHERE f.state IN ('open', 'kept')) AS waiting
FROM abuse_finding AS f
WHERE f.tenant_id = :tenant_id
GROUP BY f.kind
