-- Where each slice of about :size trades begins, by closing time.
SELECT DISTINCT n.closed_at
FROM (SELECT t.closed_at, row_number() OVER (ORDER BY t.closed_at) AS place FROM /* include candidates_scope */) AS n
WHERE (n.place - 1) % :size = 0
ORDER BY n.closed_at
