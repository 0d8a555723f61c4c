-- Batches whose release stands in the books; one with nothing left is released without an entry.
UPDATE commission_batch AS b SET status = 'released', released_at = :now, release_entry_id = e.id
FROM unnest(
  CAST(:partners AS uuid[]), CAST(:tracks AS text[]), CAST(:currencies AS text[]), CAST(:days AS date[]),
  CAST(:sequences AS int[])
) AS k (partner_id, track, currency, business_date, sequence)
LEFT JOIN journal_entry AS e
  ON e.tenant_id = :tenant_id
  AND e.key = 'release:commission:' || k.business_date || ':' || k.partner_id || ':' || k.currency || ':' || k.track
    || ':settle:' || k.sequence
WHERE b.tenant_id = :tenant_id AND b.partner_id = k.partner_id AND b.track = k.track AND b.currency = k.currency
  AND b.business_date = k.business_date AND b.sequence = k.sequence AND b.status = 'posted'
  AND (e.id IS NOT NULL OR b.posted_minor <= b.taken_back_minor)
