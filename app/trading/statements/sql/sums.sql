-- What the deals of a period sum to, by what they are; and the balance and the credit just before it. An adopted account's
-- balance is known at its opening, and reckoned forward or back from there: not all of its past need have been read.
WITH opening AS (
  SELECT coalesce(a.opening_msc, 0) AS msc, coalesce(a.opening_balance, 0) AS balance FROM trading_account AS a
  WHERE a.tenant_id = :tenant_id AND a.platform_id = :platform_id AND a.login = :login
)
SELECT
  coalesce((SELECT o.balance FROM opening AS o), 0) + coalesce((
    SELECT sum(CASE WHEN x.at < :begin THEN 1 ELSE -1 END * (x.profit + x.swap + x.commission + x.fee))
    FROM deal AS x CROSS JOIN opening AS o
    WHERE x.tenant_id = :tenant_id AND x.platform_id = :platform_id AND x.login = :login AND x.deleted_at IS NULL
      AND x.kind NOT IN ('credit', 'bonus') AND (x.at < :begin) = (x.server_time_msc >= o.msc)
  ), 0) AS opening_balance,
  coalesce(sum(d.profit) FILTER (WHERE d.at < :begin AND d.kind IN ('credit', 'bonus')), 0) AS opening_credit,
  coalesce(sum(d.profit) FILTER (WHERE d.at >= :begin AND d.kind = 'balance' AND d.profit > 0), 0) AS paid_in,
  coalesce(sum(d.profit) FILTER (WHERE d.at >= :begin AND d.kind = 'balance' AND d.profit < 0), 0) AS paid_out,
  coalesce(sum(d.profit) FILTER (WHERE d.at >= :begin AND d.kind = 'trade'), 0) AS profit,
  coalesce(sum(d.swap) FILTER (WHERE d.at >= :begin AND d.kind = 'trade'), 0) AS swap,
  coalesce(sum(d.commission + d.fee) FILTER (WHERE d.at >= :begin AND d.kind = 'trade'), 0) AS commission,
  coalesce(sum(d.profit + d.swap + d.commission + d.fee) FILTER (WHERE d.at >= :begin AND d.kind NOT IN ('balance', 'trade', 'credit', 'bonus')), 0) AS other,
  coalesce(sum(d.swap + d.commission + d.fee) FILTER (WHERE d.at >= :begin AND d.kind = 'balance'), 0) AS costs_of_cash,
  coalesce(sum(d.profit) FILTER (WHERE d.at >= :begin AND d.kind IN ('credit', 'bonus')), 0) AS credit
FROM deal AS d
WHERE d.tenant_id = :tenant_id AND d.platform_id = :platform_id AND d.login = :login AND d.deleted_at IS NULL AND d.at < :end
