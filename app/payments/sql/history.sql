-- Every movement of one client's money in one list: payments and transfers as their own rows, and what other features
-- posted on the client's wallets (commission, adjustments) as postings.
WITH movement AS (
  SELECT
    'deposit' AS kind, d.id, d.reference, d.status, coalesce(d.received_minor, d.requested_minor) AS amount_minor,
    d.currency, NULL::bigint AS other_minor, NULL::text AS other_currency, d.created_at AS at, '' AS memo
  FROM deposit AS d WHERE d.tenant_id = :tenant_id AND d.client_id = :client_id
  UNION ALL
  SELECT
    'withdrawal', w.id, w.reference, w.status, -w.amount_minor, w.currency, NULL, NULL, w.created_at, ''
  FROM withdrawal AS w WHERE w.tenant_id = :tenant_id AND w.client_id = :client_id
  UNION ALL
  SELECT
    t.kind, t.id, t.reference, t.status, CASE WHEN t.kind = 'from_account' THEN t.amount_minor ELSE -t.amount_minor END,
    t.currency, t.received_minor, t.received_currency, t.created_at, ''
  FROM transfer AS t WHERE t.tenant_id = :tenant_id AND t.client_id = :client_id
  UNION ALL
  SELECT
    e.kind, e.id, '', 'completed', p.amount_minor, p.currency, NULL, NULL, e.posted_at, CASE WHEN e.kind IN ('adjustment', 'reversal', 'trading.correction') THEN '' ELSE coalesce(e.memo, '') END
  FROM wallet AS o
  JOIN posting AS p ON p.tenant_id = o.tenant_id AND p.wallet_id = o.id
  JOIN journal_entry AS e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id
  WHERE o.tenant_id = :tenant_id AND o.owner_id = :client_id AND o.owner_kind = 'client' AND o.purpose = 'main'
    AND e.kind NOT IN ('deposit', 'conversion', 'hold.place', 'hold.capture', 'hold.void')
    AND (e.kind NOT LIKE 'trading.%' OR e.kind = 'trading.correction')
)
SELECT m.*, count(*) OVER () AS total
FROM movement AS m
WHERE (:kind = '' OR m.kind = :kind OR (:kind = 'other' AND m.reference = ''))
  AND (:status = '' OR m.status = :status)
  AND (:currency = '' OR m.currency = :currency OR m.other_currency = :currency)
  AND (CAST(:since AS timestamptz) IS NULL OR m.at >= :since)
  AND (CAST(:until AS timestamptz) IS NULL OR m.at < :until)
ORDER BY m.at DESC, m.id DESC
LIMIT :limit OFFSET :offset
