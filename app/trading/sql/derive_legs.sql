-- Computes these positions again from all their deals, and writes the closed legs that come out otherwise than they stand.
-- The same as rules.derive_legs, by sums instead of a queue: the n-th lot closed is the n-th lot opened, and what is closed beyond
-- what was open is `missing`, an orphan. Where sums do not tell (a reversal that does not say what it closes, entries whose order in
-- time and on the platform differ), the position is left alone and answered in `others`. Legs that no longer come out are `gone`.
-- Joins of two lists that the planner knows nothing about are full joins, which are never done row by row: a table that has just
-- begun to fill has no statistics.
WITH fill AS (
  SELECT
    d.position_id, d.ticket, d.login, d.symbol, d.side, d.entry, d.reason, d.server_time_msc, d.at, d.contract_size, d.price,
    d.position_price, d.market_bid, d.market_ask, d.profit, d.swap, d.commission, d.fee, d.profit_rate, d.money_digits, d.modify_flags,
    d.entry_price, d.opened_at, d.markup_usd, d.is_copied,
    CASE
      WHEN d.entry IN ('out', 'out_by') THEN coalesce(nullif(d.volume_closed_lots, 0), d.volume_lots)
      WHEN d.entry = 'inout' THEN d.volume_closed_lots
      ELSE 0
    END AS closed,
    CASE
      WHEN d.entry = 'in' THEN d.volume_lots
      WHEN d.entry = 'inout' THEN greatest(d.volume_lots - d.volume_closed_lots, 0)
      ELSE 0
    END AS opened,
    d.volume_lots < 0 OR coalesce(d.volume_closed_lots, 0) < 0
      OR (d.entry = 'inout' AND coalesce(d.volume_closed_lots, 0) = 0) AS is_odd
  FROM deal AS d
  WHERE d.tenant_id = :tenant_id AND d.platform_id = :platform_id AND d.position_id = ANY(CAST(:position_ids AS bigint[]))
    AND d.deleted_at IS NULL AND d.kind = 'trade' AND NOT d.is_service AND d.side IS NOT NULL
),
running AS (
  SELECT
    f.*,
    coalesce(sum(f.opened) OVER before, 0) AS opened_before,
    coalesce(sum(f.closed) OVER before, 0) AS closed_before,
    max(f.at) FILTER (WHERE f.opened > 0) OVER before AS newest_entry_at
  FROM fill AS f
  WINDOW before AS (
    PARTITION BY f.position_id ORDER BY f.server_time_msc, f.ticket ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  )
),
short AS (
  SELECT
    r.*,
    greatest(max(r.closed_before + r.closed - r.opened_before) FILTER (WHERE r.closed > 0) OVER before, 0) AS missing_before,
    bool_or(r.is_odd OR (r.closed > 0 AND r.newest_entry_at > r.at)) OVER (PARTITION BY r.position_id) AS is_unclear
  FROM running AS r
  WINDOW before AS (
    PARTITION BY r.position_id ORDER BY r.server_time_msc, r.ticket ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  )
),
judged AS MATERIALIZED (
  SELECT
    s.*,
    s.closed_before - s.missing_before AS taken_from,
    s.closed_before + s.closed - greatest(s.missing_before, s.closed_before + s.closed - s.opened_before) AS taken_to,
    greatest(s.missing_before, s.closed_before + s.closed - s.opened_before) - s.missing_before AS orphaned,
    coalesce(s.is_unclear, false) AS is_left_alone
  FROM short AS s
),
other AS MATERIALIZED (
  SELECT DISTINCT position_id FROM judged WHERE is_left_alone
),
closing AS (
  SELECT * FROM judged WHERE closed > 0 AND NOT is_left_alone
),
opening AS (
  SELECT * FROM judged WHERE opened > 0 AND NOT is_left_alone
),
pair AS (
  -- One row per closing deal and opening deal that it consumes, and one for what it closes of nothing we know.
  SELECT
    c.*, o.ticket AS opening_deal, o.at AS entered_at, o.price AS entered_price, o.market_bid AS entered_bid,
    o.market_ask AS entered_ask, o.opened AS entry_whole, o.money_digits AS entry_digits, o.opened_before AS entry_place,
    CASE o.entry WHEN 'in' THEN o.commission ELSE 0 END AS entry_commission,
    CASE o.entry WHEN 'in' THEN o.fee ELSE 0 END AS entry_fee,
    greatest(o.opened_before, c.taken_from) - o.opened_before AS entry_done,
    greatest(o.opened_before, c.taken_from) - c.taken_from AS done,
    least(o.opened_before + o.opened, c.taken_to) - greatest(o.opened_before, c.taken_from) AS lots
  FROM closing AS c
  FULL JOIN opening AS o ON o.position_id = c.position_id
    AND o.opened_before < c.taken_to AND o.opened_before + o.opened > c.taken_from
  WHERE coalesce(c.ticket, 0) <> 0 AND coalesce(o.ticket, 0) <> 0
  UNION ALL
  SELECT
    c.*, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, NULL, c.closed - c.orphaned, c.orphaned
  FROM closing AS c
  WHERE c.orphaned > 0 AND (c.entry_price IS NULL OR c.orphaned = c.closed)
),
part AS (
  SELECT p.*, row_number() OVER (PARTITION BY p.ticket ORDER BY p.entry_place NULLS LAST) AS leg FROM pair AS p
),
wanted AS (
  -- Where the platform says itself what a deal closed, that is one leg, with its costs of both sides.
  SELECT
    p.ticket AS closing_deal, p.leg, a.id AS account_id, a.client_id, p.login, p.position_id, p.opening_deal, p.symbol,
    CASE p.side WHEN 'buy' THEN 'sell' ELSE 'buy' END AS side, p.contract_size, p.at AS closed_at,
    CASE WHEN p.entry_price IS NULL THEN p.lots ELSE p.closed END AS volume_lots,
    t.opened_at, t.holding_ms,
    CASE
      WHEN p.entry_price IS NULL AND p.opening_deal IS NULL THEN NULL
      WHEN p.newest_entry_at IS NULL THEN t.holding_ms
      ELSE CAST(round(extract(epoch FROM p.at - p.newest_entry_at) * 1000) AS bigint)
    END AS holding_nearest_ms,
    coalesce(p.entry_price, p.entered_price, p.position_price) AS open_price, p.price AS close_price, p.entered_bid AS open_bid,
    p.entered_ask AS open_ask, p.market_bid AS close_bid, p.market_ask AS close_ask,
    CASE WHEN p.entry_price IS NULL THEN leg_share(p.profit, p.closed, p.done, p.lots, p.money_digits) ELSE p.profit END AS profit,
    CASE WHEN p.entry_price IS NULL THEN leg_share(p.swap, p.closed, p.done, p.lots, p.money_digits) ELSE p.swap END AS swap,
    CASE
      WHEN p.entry_price IS NOT NULL THEN p.commission
      ELSE leg_share(p.commission, p.closed, p.done, p.lots, p.money_digits)
        + coalesce(leg_share(p.entry_commission, p.entry_whole, p.entry_done, p.lots, p.entry_digits), 0)
    END AS commission,
    CASE
      WHEN p.entry_price IS NOT NULL THEN p.fee
      ELSE leg_share(p.fee, p.closed, p.done, p.lots, p.money_digits)
        + coalesce(leg_share(p.entry_fee, p.entry_whole, p.entry_done, p.lots, p.entry_digits), 0)
    END AS fee,
    p.profit_rate, a.currency AS account_currency, a.is_demo,
    p.opened > 0 OR p.opened_before - p.taken_from > p.closed AS is_partial,
    p.entry = 'out_by' AS is_close_by, p.modify_flags <> 0 AS is_edited, p.is_copied, p.markup_usd, p.reason,
    p.server_time_msc
  FROM part AS p
  JOIN trading_account AS a ON a.tenant_id = :tenant_id AND a.platform_id = :platform_id AND a.login = p.login
  CROSS JOIN LATERAL (
    SELECT CASE WHEN p.entry_price IS NULL THEN p.entered_at ELSE coalesce(p.opened_at, p.entered_at) END AS opened_at
  ) AS i
  CROSS JOIN LATERAL (
    SELECT
      i.opened_at,
      CASE
        WHEN i.opened_at IS NOT NULL
        THEN CAST(round(extract(epoch FROM greatest(p.at - i.opened_at, interval '0')) * 1000) AS bigint)
      END AS holding_ms
  ) AS t
  WHERE p.entry_price IS NULL OR p.leg = 1
),
standing AS (
  SELECT t.* FROM closed_trade AS t
  WHERE t.tenant_id = :tenant_id AND t.platform_id = :platform_id AND t.position_id = ANY(CAST(:position_ids AS bigint[]))
    AND t.position_id NOT IN (SELECT position_id FROM other)
),
compared AS MATERIALIZED (
  SELECT
    w.*, s.closing_deal AS old_closing_deal, s.leg AS old_leg, s.id, s.deleted_at,
    s.closing_deal IS NULL AS is_new,
    s.deleted_at IS NOT NULL OR (
      s.account_id, s.client_id, s.login, s.position_id, s.opening_deal, s.symbol, s.side, s.volume_lots, s.contract_size,
      s.opened_at, s.closed_at, s.holding_ms, s.holding_nearest_ms, s.open_price, s.close_price, s.open_bid, s.open_ask,
      s.close_bid, s.close_ask, s.profit, s.swap, s.commission, s.fee, s.profit_rate, s.account_currency, s.is_demo,
      s.is_partial, s.is_close_by, s.is_edited, s.is_copied, s.markup_usd, s.reason
    ) IS DISTINCT FROM (
      w.account_id, w.client_id, w.login, w.position_id, w.opening_deal, w.symbol, w.side, w.volume_lots, w.contract_size,
      w.opened_at, w.closed_at, w.holding_ms, w.holding_nearest_ms, w.open_price, w.close_price, w.open_bid, w.open_ask,
      w.close_bid, w.close_ask, w.profit, w.swap, w.commission, w.fee, w.profit_rate, w.account_currency, w.is_demo,
      w.is_partial, w.is_close_by, w.is_edited, w.is_copied, w.markup_usd, w.reason
    ) AS is_other
  FROM wanted AS w FULL JOIN standing AS s ON s.closing_deal = w.closing_deal AND s.leg = w.leg
),
written AS (
  INSERT INTO closed_trade AS c (
    tenant_id, platform_id, closing_deal, leg, id, account_id, client_id, login, position_id, opening_deal, symbol, symbol_class,
    side, volume_lots, contract_size, opened_at, closed_at, holding_ms, holding_nearest_ms, open_price, close_price,
    open_bid, open_ask, close_bid, close_ask, profit, swap, commission, fee, profit_rate, profit_currency, account_currency,
    is_demo, is_partial, is_close_by, is_edited, is_copied, markup_usd, reason, arrived_at, batch_no, revision
  )
  SELECT
    :tenant_id, :platform_id, w.closing_deal, w.leg,
    coalesce(w.id, :last_id + row_number() OVER (
      PARTITION BY w.is_new ORDER BY w.position_id, w.server_time_msc, w.closing_deal, w.leg
    )),
    w.account_id, w.client_id, w.login, w.position_id, w.opening_deal, w.symbol, coalesce(s.symbol_class, 'other'), w.side,
    w.volume_lots, w.contract_size, w.opened_at, w.closed_at, w.holding_ms, w.holding_nearest_ms, w.open_price, w.close_price,
    w.open_bid, w.open_ask, w.close_bid, w.close_ask, w.profit, w.swap, w.commission, w.fee, w.profit_rate,
    nullif(s.profit_currency, ''), w.account_currency, w.is_demo, w.is_partial, w.is_close_by, w.is_edited, w.is_copied,
    w.markup_usd, w.reason, :now, :batch_no, 1
  FROM compared AS w
  LEFT JOIN symbol AS s ON s.tenant_id = :tenant_id AND s.platform_id = :platform_id AND s.name = w.symbol
  WHERE w.closing_deal IS NOT NULL AND (w.is_new OR w.is_other)
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
  RETURNING c.id
),
counted AS (
  UPDATE ingest_counter SET closed_trade_id = (SELECT max(id) FROM written)
  WHERE tenant_id = :tenant_id AND closed_trade_id < (SELECT max(id) FROM written)
)
SELECT
  (SELECT count(*) FROM written) AS legs,
  greatest(:last_id, (SELECT max(id) FROM written)) AS last_id,
  ARRAY(SELECT position_id FROM other ORDER BY position_id) AS others,
  ARRAY(SELECT old_closing_deal FROM compared WHERE closing_deal IS NULL AND deleted_at IS NULL ORDER BY 1, old_leg) AS gone_deals,
  ARRAY(
    SELECT old_leg FROM compared WHERE closing_deal IS NULL AND deleted_at IS NULL ORDER BY old_closing_deal, 1
  ) AS gone_legs
