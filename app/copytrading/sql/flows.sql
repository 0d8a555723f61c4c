-- An account's movements of money, each with the balance just before it, and the balance at the end of each business day.
-- Of an adopted account whose past was not all read, the balance begins with what that past must have left.
WITH money AS (
  SELECT d.ticket, d.server_time_msc, (d.at AT TIME ZONE :timezone)::date AS day, d.kind, d.profit + d.swap + d.commission + d.fee AS net
  FROM deal AS d
  WHERE d.tenant_id = :tenant_id AND d.platform_id = :platform_id AND d.login = :login AND d.deleted_at IS NULL
    AND d.kind NOT IN ('credit', 'bonus')
), base AS (
  SELECT a.opening_balance - coalesce((SELECT sum(m.net) FROM money AS m WHERE m.server_time_msc < a.opening_msc), 0) AS balance
  FROM trading_account AS a
  WHERE a.tenant_id = :tenant_id AND a.platform_id = :platform_id AND a.login = :login AND a.opening_msc IS NOT NULL
), running AS (
  SELECT m.day, m.server_time_msc, m.ticket, m.kind, m.net,
    coalesce((SELECT b.balance FROM base AS b), 0) + sum(m.net) OVER (ORDER BY m.server_time_msc, m.ticket) AS balance,
    row_number() OVER (PARTITION BY m.day ORDER BY m.server_time_msc DESC, m.ticket DESC) AS from_end
  FROM money AS m
)
SELECT r.day, r.kind = ANY (CAST(:flows AS text[])) AS is_flow, r.net, r.balance - r.net AS balance_before, r.balance, r.from_end = 1 AS is_last
FROM running AS r
WHERE r.from_end = 1 OR r.kind = ANY (CAST(:flows AS text[]))
ORDER BY r.server_time_msc, r.ticket
