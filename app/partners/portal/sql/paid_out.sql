-- What left a partner's redeemable money for good, by currency; what is only held for a payout has not left.
SELECT p.currency, -sum(p.amount_minor) AS minor
FROM wallet AS w
JOIN posting AS p ON p.tenant_id = w.tenant_id AND p.wallet_id = w.id
JOIN journal_entry AS e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id
WHERE w.tenant_id = :tenant_id AND w.owner_kind = 'partner' AND w.owner_id = :partner_id
  AND w.purpose IN ('redeem', 'held') AND e.kind LIKE 'commission.payout%'
GROUP BY p.currency
