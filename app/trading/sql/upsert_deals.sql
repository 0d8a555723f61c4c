-- One row per ticket. Seen twice is once; other content under the same ticket is a correction, and a deal that returns is no longer
-- deleted. Answers one row: how many were written, the positions that they touch (those they belonged to before as well), the clients
-- whose they are, and of each movement of money what it is and what it was.
WITH known AS MATERIALIZED (
  SELECT d.ticket, d.position_id, d.kind, d.profit, d.deleted_at IS NOT NULL AS is_deleted FROM deal AS d
  WHERE d.tenant_id = :tenant_id AND d.platform_id = :platform_id AND d.ticket = ANY(CAST(:ticket AS bigint[]))
    AND d.ticket BETWEEN :first_ticket AND :last_ticket  -- Where all are new, one look at the key's end says so.
),
changed AS (
  INSERT INTO deal AS d (
    tenant_id, platform_id, ticket, login, kind, side, entry, reason, is_service, order_ticket, position_id, symbol,
    volume_lots, volume_closed_lots, contract_size, price, position_price, market_bid, market_ask,
    profit, swap, commission, fee, profit_rate, comment, manager_login, modify_flags, money_digits,
    entry_price, opened_server_msc, opened_at, markup_usd, balance_after, balance_version, is_copied, is_sign_unverified,
    server_time_msc, at, content_hash, batch_no, arrived_at, revision
  )
  SELECT
    :tenant_id, :platform_id, n.ticket, n.login, n.kind, n.side, n.entry, n.reason, n.is_service, n.order_ticket,
    n.position_id, n.symbol, n.volume_lots, n.volume_closed_lots, n.contract_size, n.price, n.position_price, n.market_bid,
    n.market_ask, n.profit, n.swap, n.commission, n.fee, n.profit_rate, n.comment, n.manager_login, n.modify_flags,
    n.money_digits, n.entry_price, n.opened_server_msc, timestamptz 'epoch' + n.opened_msc * interval '1 millisecond',
    n.markup_usd, n.balance_after, n.balance_version, n.is_copied, n.is_sign_unverified, n.server_time_msc,
    timestamptz 'epoch' + n.at_msc * interval '1 millisecond', n.content_hash, :batch_no, :now, 1
  FROM unnest(
    CAST(:ticket AS bigint[]), CAST(:login AS bigint[]), CAST(:kind AS text[]), CAST(:side AS text[]), CAST(:entry AS text[]),
    CAST(:reason AS text[]), CAST(:is_service AS boolean[]), CAST(:order_ticket AS bigint[]), CAST(:position_id AS bigint[]),
    CAST(:symbol AS text[]), CAST(:volume_lots AS numeric[]), CAST(:volume_closed_lots AS numeric[]),
    CAST(:contract_size AS numeric[]), CAST(:price AS numeric[]), CAST(:position_price AS numeric[]),
    CAST(:market_bid AS numeric[]), CAST(:market_ask AS numeric[]), CAST(:profit AS numeric[]), CAST(:swap AS numeric[]),
    CAST(:commission AS numeric[]), CAST(:fee AS numeric[]), CAST(:profit_rate AS numeric[]), CAST(:comment AS text[]),
    CAST(:manager_login AS bigint[]), CAST(:modify_flags AS bigint[]), CAST(:money_digits AS bigint[]),
    CAST(:entry_price AS numeric[]), CAST(:opened_server_msc AS bigint[]), CAST(:opened_msc AS bigint[]),
    CAST(:markup_usd AS numeric[]), CAST(:balance_after AS numeric[]), CAST(:balance_version AS bigint[]),
    CAST(:is_copied AS boolean[]), CAST(:is_sign_unverified AS boolean[]), CAST(:server_time_msc AS bigint[]),
    CAST(:at_msc AS bigint[]), CAST(:content_hash AS text[])
  ) AS n (
    ticket, login, kind, side, entry, reason, is_service, order_ticket, position_id, symbol, volume_lots, volume_closed_lots,
    contract_size, price, position_price, market_bid, market_ask, profit, swap, commission, fee, profit_rate, comment,
    manager_login, modify_flags, money_digits, entry_price, opened_server_msc, opened_msc, markup_usd, balance_after,
    balance_version, is_copied, is_sign_unverified, server_time_msc, at_msc, content_hash
  )
  ON CONFLICT (tenant_id, platform_id, ticket) DO UPDATE SET
    login = excluded.login, kind = excluded.kind, side = excluded.side, entry = excluded.entry, reason = excluded.reason,
    is_service = excluded.is_service, order_ticket = excluded.order_ticket, position_id = excluded.position_id,
    symbol = excluded.symbol, volume_lots = excluded.volume_lots, volume_closed_lots = excluded.volume_closed_lots,
    contract_size = excluded.contract_size, price = excluded.price, position_price = excluded.position_price,
    market_bid = excluded.market_bid, market_ask = excluded.market_ask, profit = excluded.profit, swap = excluded.swap,
    commission = excluded.commission, fee = excluded.fee, profit_rate = excluded.profit_rate, comment = excluded.comment,
    manager_login = excluded.manager_login, modify_flags = excluded.modify_flags, money_digits = excluded.money_digits,
    entry_price = excluded.entry_price, opened_server_msc = excluded.opened_server_msc, opened_at = excluded.opened_at,
    markup_usd = excluded.markup_usd, balance_after = excluded.balance_after, balance_version = excluded.balance_version,
    is_copied = excluded.is_copied, is_sign_unverified = excluded.is_sign_unverified,
    server_time_msc = excluded.server_time_msc, at = excluded.at, content_hash = excluded.content_hash,
    batch_no = excluded.batch_no, revision = d.revision + 1, corrected_at = :now, deleted_at = NULL
  WHERE d.content_hash <> excluded.content_hash OR d.deleted_at IS NOT NULL
  RETURNING d.ticket, d.login, d.kind, d.position_id, d.profit, d.comment, d.revision, d.server_time_msc
),
compared AS MATERIALIZED (
  SELECT
    c.*, k.position_id AS old_position_id, k.kind AS old_kind, k.profit AS old_profit, k.is_deleted AS old_is_deleted
  FROM changed AS c FULL JOIN known AS k ON k.ticket = c.ticket  -- A full join, since nothing is known of the size of either.
  WHERE coalesce(c.revision, 0) > 0
),
-- When the last deal came. Up to where everything is read, a completed catch-up alone says: a push may follow a silence in which
-- others were lost. Whoever holds the row may be a bridge's batch that waits for this one to end: it notes the same, and nobody waits
-- for it here.
noted AS (
  UPDATE platform_status AS s SET last_deal_at = :now FROM (
    SELECT platform_id FROM platform_status WHERE tenant_id = :tenant_id AND platform_id = :platform_id
    FOR NO KEY UPDATE SKIP LOCKED
  ) AS free
  WHERE s.tenant_id = :tenant_id AND s.platform_id = free.platform_id AND EXISTS (SELECT FROM compared)
)
SELECT
  (SELECT count(*) FROM compared) AS changed,
  ARRAY(
    SELECT position_id FROM compared WHERE position_id <> 0
    UNION SELECT old_position_id FROM compared WHERE old_position_id <> 0
  ) AS position_ids,
  ARRAY(
    SELECT DISTINCT a.client_id FROM trading_account AS a
    WHERE a.tenant_id = :tenant_id AND a.platform_id = :platform_id
      AND a.login = ANY(ARRAY(SELECT DISTINCT login FROM compared))
  ) AS client_ids,
  (
    SELECT coalesce(jsonb_agg(jsonb_build_array(
      ticket, login, kind, position_id, profit::text, comment, revision, server_time_msc,
      old_position_id, old_kind, old_profit::text, old_is_deleted
    ) ORDER BY ticket), '[]')
    FROM compared WHERE kind = 'balance' OR old_kind = 'balance'
  ) AS movements
