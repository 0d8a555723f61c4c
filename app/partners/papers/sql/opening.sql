-- What a partner's wallets held before a day, by purpose: the sum of all that was posted for earlier days.
SELECT w.purpose, coalesce(sum(p.amount_minor), 0) AS minor
FROM wallet AS w
JOIN posting AS p ON p.tenant_id = w.tenant_id AND p.wallet_id = w.id
JOIN journal_entry AS e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id
WHERE w.tenant_id = :tenant_id AND w.owner_kind = 'partner' AND w.owner_id = :partner_id AND w.currency = :currency
  AND e.business_date < :day_from
GROUP BY w.purpose
