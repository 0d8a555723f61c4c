-- What the deals of a period sum to, by what they are; and the balance and the credit just before it.
SELECT
  coalesce(sum(d.profit + d.swap + d.commission + d.fee) FILTER (WHERE d.at < :begin AND d.kind NOT IN ('credit', 'bonus')), 0) AS opening_balance,
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
