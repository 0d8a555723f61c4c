-- One row per closed leg. A leg that comes out otherwise than before is corrected in place and keeps its id.
INSERT INTO closed_trade AS c (
  tenant_id, platform_id, closing_deal, leg, id, account_id, client_id, login, position_id, opening_deal, symbol, symbol_class,
  side, volume_lots, contract_size, opened_at, closed_at, holding_ms, holding_nearest_ms, open_price, close_price,
  open_bid, open_ask, close_bid, close_ask, profit, swap, commission, fee, profit_rate, profit_currency, account_currency,
  is_demo, is_partial, is_close_by, is_edited, is_copied, markup_usd, reason, arrived_at, batch_no, revision
)
SELECT
  :tenant_id, :platform_id, n.closing_deal, n.leg, n.id, n.account_id, n.client_id, n.login, n.position_id, n.opening_deal, n.symbol,
  coalesce(s.symbol_class, 'other'), n.side, n.volume_lots, n.contract_size, n.opened_at, n.closed_at, n.holding_ms,
  n.holding_nearest_ms, n.open_price, n.close_price, n.open_bid, n.open_ask, n.close_bid, n.close_ask, n.profit, n.swap,
  n.commission, n.fee, n.profit_rate, nullif(s.profit_currency, ''), n.account_currency, n.is_demo, n.is_partial, n.is_close_by,
  n.is_edited, n.is_copied, n.markup_usd, n.reason, :now, :batch_no, 1
FROM unnest(
  CAST(:closing_deal AS bigint[]), CAST(:leg AS bigint[]), CAST(:id AS bigint[]), CAST(:account_id AS uuid[]),
  CAST(:client_id AS uuid[]), CAST(:login AS bigint[]), CAST(:position_id AS bigint[]), CAST(:opening_deal AS bigint[]),
  CAST(:symbol AS text[]), CAST(:side AS text[]), CAST(:volume_lots AS numeric[]), CAST(:contract_size AS numeric[]),
  CAST(:opened_at AS timestamptz[]), CAST(:closed_at AS timestamptz[]), CAST(:holding_ms AS bigint[]),
  CAST(:holding_nearest_ms AS bigint[]), CAST(:open_price AS numeric[]), CAST(:close_price AS numeric[]),
  CAST(:open_bid AS numeric[]), CAST(:open_ask AS numeric[]), CAST(:close_bid AS numeric[]), CAST(:close_ask AS numeric[]),
  CAST(:profit AS numeric[]), CAST(:swap AS numeric[]), CAST(:commission AS numeric[]), CAST(:fee AS numeric[]),
  CAST(:profit_rate AS numeric[]), CAST(:account_currency AS text[]), CAST(:is_demo AS boolean[]),
  CAST(:is_partial AS boolean[]), CAST(:is_close_by AS boolean[]), CAST(:is_edited AS boolean[]), CAST(:is_copied AS boolean[]),
  CAST(:markup_usd AS numeric[]), CAST(:reason AS text[])
) AS n (
  closing_deal, leg, id, account_id, client_id, login, position_id, opening_deal, symbol, side, volume_lots, contract_size,
  opened_at, closed_at, holding_ms, holding_nearest_ms, open_price, close_price, open_bid, open_ask, close_bid, close_ask,
  profit, swap, commission, fee, profit_rate, account_currency, is_demo, is_partial, is_close_by, is_edited, is_copied, markup_usd, reason
)
LEFT JOIN symbol AS s ON s.tenant_id = :tenant_id AND s.platform_id = :platform_id AND s.name = n.symbol
ON CONFLICT (tenant_id, platform_id, closing_deal, leg) DO UPDATE SET
  account_id = excluded.account_id, client_id = excluded.client_id, login = excluded.login,
  position_id = excluded.position_id, opening_deal = excluded.opening_deal, symbol = excluded.symbol,
  symbol_class = excluded.symbol_class, side = excluded.side, volume_lots = excluded.volume_lots,
  contract_size = excluded.contract_size, opened_at = excluded.opened_at, closed_at = excluded.closed_at,
  holding_ms = excluded.holding_ms, holding_nearest_ms = excluded.holding_nearest_ms, open_price = excluded.open_price,
  close_price = excluded.close_price, open_bid = excluded.open_bid, open_ask = excluded.open_ask,
  close_bid = excluded.close_bid, close_ask = excluded.close_ask, profit = excluded.profit, swap = excluded.swap,
  commission = excluded.commission, fee = excluded.fee, profit_rate = excluded.profit_rate,
  profit_currency = excluded.profit_currency, account_currency = excluded.account_currency, is_demo = excluded.is_demo,
  is_partial = excluded.is_partial, is_close_by = excluded.is_close_by, is_edited = excluded.is_edited,
  is_copied = excluded.is_copied, markup_usd = excluded.markup_usd,
  reason = excluded.reason, batch_no = excluded.batch_no, revision = c.revision + 1, corrected_at = :now, deleted_at = NULL
