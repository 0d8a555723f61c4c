-- What clients' trades brought partners in the window, and what the clients ever paid into their trading accounts.
SELECT f.client_id, f.commission, p.currency, p.amount
FROM (
  SELECT d.client_id, sum(d.commission) AS commission
  FROM client_day AS d
  WHERE d.tenant_id = :tenant_id AND d.business_date > :window_from AND d.business_date <= :business_date
  GROUP BY d.client_id
  HAVING sum(d.commission) >= :commission_min AND sum(d.commission) > 0
) AS f
LEFT JOIN LATERAL (
  SELECT a.currency, sum(greatest(coalesce(a.opening_balance, 0), 0) + coalesce(b.amount, 0)) AS amount
  FROM trading_account AS a
  LEFT JOIN LATERAL (
    SELECT sum(d.profit) AS amount FROM deal AS d
    WHERE d.tenant_id = a.tenant_id AND d.platform_id = a.platform_id AND d.login = a.login AND d.kind = 'balance'
      AND d.profit > 0 AND d.deleted_at IS NULL AND d.at < :at
  ) AS b ON true
  WHERE a.tenant_id = :tenant_id AND a.client_id = f.client_id AND NOT a.is_demo
  GROUP BY a.currency
) AS p ON true
ORDER BY f.client_id, p.currency
