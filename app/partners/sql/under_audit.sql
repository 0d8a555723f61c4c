-- Money under audit by the day on which it comes free.
SELECT b.due_at, b.currency, sum(b.posted_minor - b.taken_back_minor) AS minor
FROM commission_batch AS b
WHERE b.tenant_id = :tenant_id AND b.partner_id = :partner_id AND b.status = 'posted' AND b.purpose = 'settle'
GROUP BY b.due_at, b.currency
HAVING sum(b.posted_minor - b.taken_back_minor) <> 0
ORDER BY b.due_at, b.currency
