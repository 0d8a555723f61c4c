-- What somebody's cashback and shares came to, posted and taken back alike, and what of it is under audit.
SELECT b.currency, sum(b.posted_minor) AS received_minor,
  coalesce(sum(b.posted_minor - b.taken_back_minor) FILTER (WHERE b.status = 'posted' AND b.purpose = 'settle'), 0)
    AS audit_minor,
  min(b.due_at) FILTER (WHERE b.status = 'posted' AND b.purpose = 'settle' AND b.posted_minor > b.taken_back_minor)
    AS next_at
FROM commission_batch AS b
WHERE b.tenant_id = :tenant_id AND b.partner_id = :client_id AND b.track = ANY (CAST(:tracks AS text[]))
GROUP BY b.currency
ORDER BY b.currency
