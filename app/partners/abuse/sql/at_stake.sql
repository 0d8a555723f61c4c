-- What a finding keeps back: lines that wait, and lines in batches that are not released.
SELECT
  (SELECT coalesce(sum(x.amount), 0) FROM abuse_finding_line AS x
    WHERE x.tenant_id = :tenant_id AND x.finding_id = :finding_id) AS held,
  (SELECT count(*) FROM abuse_finding_line AS x
    WHERE x.tenant_id = :tenant_id AND x.finding_id = :finding_id) AS lines,
  (SELECT coalesce(sum(b.amount), 0) FROM abuse_finding_batch AS b
    WHERE b.tenant_id = :tenant_id AND b.finding_id = :finding_id) AS under_audit
