-- Every entry on a partner's wallets for a stretch of days, with what it did to each purpose.
SELECT e.id AS entry_id, e.kind, e.memo, e.business_date, e.posted_at,
  coalesce(sum(p.amount_minor) FILTER (WHERE w.purpose = 'temporary'), 0) AS temporary_minor,
  coalesce(sum(p.amount_minor) FILTER (WHERE w.purpose = 'redeem'), 0) AS redeem_minor,
  coalesce(sum(p.amount_minor) FILTER (WHERE w.purpose NOT IN ('temporary', 'redeem')), 0) AS other_minor
FROM wallet AS w
JOIN posting AS p ON p.tenant_id = w.tenant_id AND p.wallet_id = w.id
JOIN journal_entry AS e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id
WHERE w.tenant_id = :tenant_id AND w.owner_kind = 'partner' AND w.owner_id = :partner_id AND w.currency = :currency
  AND e.business_date >= :day_from AND e.business_date <= :day_to
GROUP BY e.id, e.kind, e.memo, e.business_date, e.posted_at
ORDER BY e.business_date, e.posted_at, e.id
