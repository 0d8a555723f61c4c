/* The entries that the partner's batches of the day were posted and released with, and their postings. */
    SELECT jsonb_agg(
      to_jsonb(j) - 'content_hash' || jsonb_build_object('postings', (
        SELECT jsonb_agg(to_jsonb(p) ORDER BY p.number) FROM posting AS p
        WHERE p.tenant_id = j.tenant_id AND p.entry_id = j.id
      ))
      ORDER BY j.posted_at, j.id
    )
    FROM journal_entry AS j
    WHERE j.tenant_id = :tenant_id AND j.id IN (
      SELECT unnest(ARRAY[b.entry_id, b.release_entry_id]) FROM commission_batch AS b
      WHERE b.tenant_id = :tenant_id AND b.partner_id = :partner_id AND b.business_date = :business_date
    )
