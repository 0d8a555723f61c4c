-- Batches whose journal stands in the books, or that have nothing to post. Each looks its journal up by key: joined, two
-- tables that a run has just filled might be compared row by row.
UPDATE commission_batch AS b SET status = 'posted', entry_id = (
  SELECT e.id FROM journal_entry AS e
  WHERE e.tenant_id = b.tenant_id
    AND e.key = 'commission:' || b.business_date || ':' || b.partner_id || ':' || b.currency || ':' || b.track || ':'
      || b.purpose || ':' || b.sequence
)
WHERE b.tenant_id = :tenant_id AND b.business_date = :business_date AND b.status = 'computed'
  AND (b.posted_minor = 0 OR EXISTS (
    SELECT FROM journal_entry AS e
    WHERE e.tenant_id = b.tenant_id
      AND e.key = 'commission:' || b.business_date || ':' || b.partner_id || ':' || b.currency || ':' || b.track || ':'
        || b.purpose || ':' || b.sequence
  ))
