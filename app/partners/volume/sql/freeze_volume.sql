-- One row per closed trade of the run: the lots it stands for, and what its neighbours have decided about them.
WITH scope AS MATERIALIZED (
  SELECT t.id, t.revision, t.platform_id, t.account_id, t.position_id, t.closing_deal, t.leg, t.opening_deal, t.closed_at,
    t.volume_lots, t.is_partial, t.is_close_by
  FROM /* include candidates_scope */
), position AS (  -- Positions that were closed in several legs, with all of these.
  SELECT c.platform_id, c.position_id, bool_or(c.is_partial) AS is_in_parts, sum(c.volume_lots) AS lots,
    CASE WHEN count(*) = count(s.spread) THEN divide_even(sum(c.volume_lots * s.spread), sum(c.volume_lots), 10) END AS spread,
    sum(c.commission) AS commission, sum(c.profit) AS profit,
    CASE WHEN count(*) = count(c.markup_usd) THEN sum(c.markup_usd) END AS markup_usd,
    (array_agg(c.id ORDER BY c.closed_at DESC, c.closing_deal DESC, c.leg DESC))[1] AS last_id
  FROM (SELECT DISTINCT platform_id, position_id FROM scope WHERE :uses_positions) AS p
  JOIN closed_trade AS c
    ON c.tenant_id = :tenant_id AND c.platform_id = p.platform_id AND c.position_id = p.position_id AND c.deleted_at IS NULL
  CROSS JOIN LATERAL (
    SELECT CASE WHEN c.open_bid > 0 AND c.open_ask >= c.open_bid THEN c.open_ask - c.open_bid END AS spread
  ) AS s
  GROUP BY c.platform_id, c.position_id
  HAVING count(*) > 1
), side AS (  -- The sides of positions that one order closed against each other, the one that counts first.
  SELECT f.*, row_number() OVER pair AS place, sum(f.lots) OVER (PARTITION BY f.platform_id, f.order_ticket) - f.lots AS other_lots
  FROM (
    SELECT c.platform_id, d.order_ticket, c.closing_deal, sum(c.volume_lots) AS lots, max(c.opened_at) AS opened_at
    FROM (SELECT DISTINCT platform_id, closed_at FROM scope WHERE :uses_close_by AND is_close_by) AS w
    JOIN closed_trade AS c
      ON c.tenant_id = :tenant_id AND c.closed_at = w.closed_at AND c.platform_id = w.platform_id AND c.is_close_by
      AND c.deleted_at IS NULL
    JOIN deal AS d ON d.tenant_id = c.tenant_id AND d.platform_id = c.platform_id AND d.ticket = c.closing_deal
    WHERE d.order_ticket > 0
    GROUP BY c.platform_id, d.order_ticket, c.closing_deal
  ) AS f
  WINDOW pair AS (
    PARTITION BY f.platform_id, f.order_ticket ORDER BY f.lots DESC, f.opened_at DESC NULLS LAST, f.closing_deal DESC
  )
), close_by AS (  -- How much of each leg the other side has taken: its first lots.
  SELECT s.id,
    least(
      s.volume_lots,
      greatest(0, i.matched - coalesce(sum(s.volume_lots) OVER earlier, 0))
    ) AS matched
  FROM scope AS s
  JOIN (
    SELECT platform_id, closing_deal,
      CASE WHEN place > 1 THEN lots WHEN :close_by = 'net' THEN other_lots ELSE 0 END AS matched
    FROM side
  ) AS i ON i.platform_id = s.platform_id AND i.closing_deal = s.closing_deal
  WHERE s.is_close_by
  WINDOW earlier AS (
    PARTITION BY s.platform_id, s.closing_deal ORDER BY s.leg ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  )
), funds AS (  -- Balance and credit of the account just before the opening deal, for accounts that ever had credit.
  SELECT s.id, b.balance + b.credit AS equity, b.credit,
    -- What other positions stood at is not recorded, and neither is the credit that an adopted account came with.
    NOT :counts_balance AND (a.opening_msc IS NOT NULL OR b.credit > 0 AND b.open_lots > 0) AS is_unknown
  FROM scope AS s
  JOIN trading_account AS a ON a.tenant_id = :tenant_id AND a.id = s.account_id
  JOIN deal AS o ON o.tenant_id = :tenant_id AND o.platform_id = s.platform_id AND o.ticket = s.opening_deal
  CROSS JOIN LATERAL (
    SELECT
      coalesce(a.opening_balance, 0) + coalesce(sum(d.profit + d.swap + d.commission + d.fee)
        FILTER (WHERE d.kind NOT IN ('credit', 'bonus') AND d.server_time_msc >= coalesce(a.opening_msc, 0)), 0) AS balance,
      coalesce(sum(d.profit) FILTER (WHERE d.kind IN ('credit', 'bonus')), 0) AS credit,
      coalesce(sum(
        CASE d.entry WHEN 'in' THEN d.volume_lots WHEN 'inout' THEN d.volume_lots - 2 * coalesce(d.volume_closed_lots, 0)
          ELSE -coalesce(nullif(d.volume_closed_lots, 0), d.volume_lots) END
      ) FILTER (WHERE d.kind = 'trade'), 0) AS open_lots
    FROM deal AS d
    WHERE d.tenant_id = :tenant_id AND d.platform_id = s.platform_id AND d.login = o.login AND d.deleted_at IS NULL
      AND (d.server_time_msc, d.ticket) < (o.server_time_msc, o.ticket)
  ) AS b
  WHERE :uses_credit AND (
    EXISTS (
      SELECT FROM deal AS k
      WHERE k.tenant_id = :tenant_id AND k.platform_id = s.platform_id AND k.login = a.login
        AND k.kind IN ('credit', 'bonus')
    )
    OR a.opening_msc IS NOT NULL AND EXISTS (
      SELECT FROM account_state AS n WHERE n.tenant_id = a.tenant_id AND n.account_id = a.id AND n.credit <> 0
    )
  )
), fallen AS (  -- Closings with a loss that left the account's balance below zero.
  SELECT s.id
  FROM scope AS s
  JOIN trading_account AS a ON a.tenant_id = :tenant_id AND a.id = s.account_id
  JOIN deal AS o ON o.tenant_id = :tenant_id AND o.platform_id = s.platform_id AND o.ticket = s.closing_deal
  WHERE :uses_balance AND o.profit + o.swap + o.commission + o.fee < 0
    AND coalesce(a.opening_balance, 0) + (
      SELECT coalesce(sum(d.profit + d.swap + d.commission + d.fee), 0) FROM deal AS d
      WHERE d.tenant_id = :tenant_id AND d.platform_id = s.platform_id AND d.login = o.login AND d.deleted_at IS NULL
        AND d.kind NOT IN ('credit', 'bonus') AND d.server_time_msc >= coalesce(a.opening_msc, 0)
        AND (d.server_time_msc, d.ticket) <= (o.server_time_msc, o.ticket)
    ) < 0
)
INSERT INTO run_volume (
  tenant_id, business_date, plan_number, trade_id, revision, lots, lots_netted, lots_whole, credit_factor, is_whole,
  open_spread, commission, profit, markup_usd, is_in_parts, is_not_final, is_close_by_netted, is_equity_unknown,
  is_below_zero
)
SELECT :tenant_id, :business_date, :plan_number, s.id, s.revision, v.lots, 0, v.whole,
  CASE
    WHEN coalesce(f.credit, 0) <= 0 OR f.is_unknown THEN 1
    WHEN f.equity <= 0 THEN 0
    ELSE greatest(0, divide_even(f.equity - f.credit, f.equity, 10))
  END,
  v.is_whole, CASE WHEN v.is_whole THEN p.spread END, CASE WHEN v.is_whole THEN p.commission END,
  CASE WHEN v.is_whole THEN p.profit END, CASE WHEN v.is_whole THEN p.markup_usd END,
  coalesce(p.is_in_parts, false), :final_only AND (s.is_partial OR p.last_id <> s.id AND p.last_id IS NOT NULL),
  coalesce(c.matched, 0) > 0 AND v.lots = 0, coalesce(f.is_unknown, false), z.id IS NOT NULL
FROM scope AS s
LEFT JOIN position AS p ON p.platform_id = s.platform_id AND p.position_id = s.position_id
LEFT JOIN close_by AS c ON c.id = s.id
LEFT JOIN funds AS f ON f.id = s.id
LEFT JOIN fallen AS z ON z.id = s.id
CROSS JOIN LATERAL (
  SELECT w.is_whole, w.whole, w.whole - coalesce(c.matched, 0) AS lots
  FROM (
    SELECT i.is_whole, CASE WHEN i.is_whole THEN p.lots ELSE s.volume_lots END AS whole
    FROM (SELECT coalesce(:final_only AND NOT s.is_partial AND p.last_id = s.id, false) AS is_whole) AS i
  ) AS w
) AS v
ON CONFLICT DO NOTHING
