-- Every way in which the books of one tenant could contradict themselves, each as (what, object, expected, found).

-- A stored balance is the sum of its wallet's postings.
SELECT 'wallet_balance' AS what, w.id AS object_id, coalesce(p.total, 0)::text AS expected, w.balance_minor::text AS found
FROM wallet AS w
LEFT JOIN (
  SELECT p.wallet_id, sum(p.amount_minor) AS total FROM posting AS p WHERE p.tenant_id = :tenant_id GROUP BY p.wallet_id
) AS p ON p.wallet_id = w.id
WHERE w.tenant_id = :tenant_id AND w.keeps_balance AND w.balance_minor <> coalesce(p.total, 0)

UNION ALL
-- An entry balances in each of its currencies.
SELECT 'entry_balance', p.entry_id, '0', sum(p.amount_minor)::text
FROM posting AS p WHERE p.tenant_id = :tenant_id
GROUP BY p.entry_id, p.currency HAVING sum(p.amount_minor) <> 0

UNION ALL
-- An entry has postings.
SELECT 'entry_empty', e.id, 'postings', 'none'
FROM journal_entry AS e
WHERE e.tenant_id = :tenant_id
  AND NOT EXISTS (SELECT FROM posting AS p WHERE p.tenant_id = e.tenant_id AND p.entry_id = e.id)

UNION ALL
-- A posting stands on a wallet of this tenant, in the wallet's currency.
SELECT 'posting_wallet', p.entry_id, p.currency, coalesce(w.currency, 'no wallet')
FROM posting AS p
LEFT JOIN wallet AS w ON w.tenant_id = p.tenant_id AND w.id = p.wallet_id
WHERE p.tenant_id = :tenant_id AND p.currency IS DISTINCT FROM w.currency

UNION ALL
-- The postings of a wallet follow each other without a gap, each balance being the one before plus the amount.
SELECT 'posting_chain', c.entry_id, c.expected::text, c.balance_after_minor::text
FROM (
  SELECT
    p.entry_id, p.wallet_seq, p.balance_after_minor,
    row_number() OVER by_wallet AS place,
    sum(p.amount_minor) OVER by_wallet AS expected
  FROM posting AS p
  JOIN wallet AS w ON w.tenant_id = p.tenant_id AND w.id = p.wallet_id AND w.keeps_balance
  WHERE p.tenant_id = :tenant_id
  WINDOW by_wallet AS (PARTITION BY p.wallet_id ORDER BY p.wallet_seq)
) AS c
WHERE c.wallet_seq IS DISTINCT FROM c.place OR c.balance_after_minor IS DISTINCT FROM c.expected

UNION ALL
-- What is held is what the open holds say.
SELECT 'held_balance', w.id, coalesce(h.total, 0)::text, w.balance_minor::text
FROM wallet AS w
LEFT JOIN (
  SELECT h.held_wallet_id, sum(h.amount_minor - h.captured_minor - h.voided_minor) AS total
  FROM hold AS h WHERE h.tenant_id = :tenant_id GROUP BY h.held_wallet_id
) AS h ON h.held_wallet_id = w.id
WHERE w.tenant_id = :tenant_id AND w.purpose = 'held' AND w.balance_minor <> coalesce(h.total, 0)

UNION ALL
-- A snapshot is the sum of the postings before it: an entry that committed later than an hour after its birth shows here.
SELECT 'snapshot', s.wallet_id, coalesce(p.total, 0)::text, s.balance_minor::text
FROM wallet_snapshot AS s
LEFT JOIN LATERAL (
  SELECT sum(p.amount_minor) AS total FROM posting AS p
  WHERE p.tenant_id = s.tenant_id AND p.wallet_id = s.wallet_id AND p.entry_id < s.before_entry_id
) AS p ON true
WHERE s.tenant_id = :tenant_id AND s.balance_minor <> coalesce(p.total, 0)
