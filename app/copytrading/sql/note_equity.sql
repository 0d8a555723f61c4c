-- The latest reading of each published account's equity, on the business day that runs now.
INSERT INTO equity_day AS e (tenant_id, account_id, day, equity, floating, lowest, highest, read_at)
SELECT s.tenant_id, s.account_id, :day, a.equity, a.equity - a.balance - a.credit, a.equity, a.equity, a.at
FROM strategy AS s
JOIN account_state AS a ON a.tenant_id = s.tenant_id AND a.account_id = s.account_id
WHERE s.tenant_id = :tenant_id AND s.status <> 'withdrawn' AND a.at >= :since
ON CONFLICT (tenant_id, account_id, day) DO UPDATE SET
  equity = excluded.equity, floating = excluded.floating, read_at = excluded.read_at,
  lowest = least(e.lowest, excluded.equity), highest = greatest(e.highest, excluded.equity)
WHERE e.read_at < excluded.read_at
