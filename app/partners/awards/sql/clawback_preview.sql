-- What would be taken back from whom, the largest amount first.
SELECT u.partner_id, c.name, c.number, count(*) AS lines, sum(u.amount) AS amount
FROM (
  SELECT l.partner_id, l.amount FROM (/* include clawback_lines */) AS l
  UNION ALL
  SELECT a.partner_id, a.amount FROM (/* include clawback_awards */) AS a
) AS u
JOIN client AS c ON c.tenant_id = :tenant_id AND c.id = u.partner_id
GROUP BY u.partner_id, c.name, c.number
ORDER BY sum(u.amount) DESC, c.number
