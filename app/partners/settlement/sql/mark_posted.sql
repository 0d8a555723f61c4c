-- Batches whose journal stands in the books, or that have nothing to post.
UPDATE commission_batch AS b SET status = 'posted', entry_id = e.id
FROM commission_batch AS k
LEFT JOIN journal_entry AS e
  ON e.tenant_id = k.tenant_id
  AND e.key = 'commission:' || k.business_date || ':' || k.partner_id || ':' || k.currency || ':' || k.track || ':'
    || k.purpose || ':' || k.sequence
WHERE k.tenant_id = :tenant_id AND k.business_date = :business_date AND k.status = 'computed'
  AND (e.id IS NOT NULL OR k.posted_minor = 0)
  AND b.tenant_id = k.tenant_id AND b.partner_id = k.partner_id AND b.track = k.track AND b.currency = k.currency
  AND b.business_date = k.business_date AND b.sequence = k.sequence
