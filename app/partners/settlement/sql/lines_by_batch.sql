/* What the day pays and takes back, by the batch that it went into; what is paid has no day that it is taken from. */
SELECT d.partner_id, d.track, DATE '0001-01-01' AS source_on, count(*) AS line_count, sum(d.amount) AS lines
FROM (/* include due_lines */) AS d
GROUP BY d.partner_id, d.track
UNION ALL
SELECT v.partner_id, v.track, v.source_on, count(*), sum(v.amount)
FROM (/* include due_reversals */) AS v
GROUP BY v.partner_id, v.track, v.source_on
