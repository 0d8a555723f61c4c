-- What an account's closed trades sum to. A trade is won when it left something after all costs.
SELECT count(*) AS trades, coalesce(sum(t.volume_lots), 0) AS lots,
  count(*) FILTER (WHERE t.profit + t.swap + t.commission + t.fee > 0) AS won,
  coalesce(sum(t.profit + t.swap + t.commission + t.fee) FILTER (WHERE t.profit + t.swap + t.commission + t.fee > 0), 0) AS gross_profit,
  coalesce(-sum(t.profit + t.swap + t.commission + t.fee) FILTER (WHERE t.profit + t.swap + t.commission + t.fee < 0), 0) AS gross_loss,
  CAST(avg(t.holding_ms) AS bigint) AS holding_ms
FROM closed_trade AS t
WHERE t.tenant_id = :tenant_id AND t.account_id = :account_id AND t.deleted_at IS NULL
