-- One row per closed trade of this slice, with every number and gate that its lines share.
CREATE TEMPORARY TABLE trade_now ON COMMIT DROP AS
SELECT v.*,
  CAST(CASE
    WHEN v.cap_per_lot IS NULL THEN v.cap_of_revenue
    WHEN v.cap_of_revenue IS NULL THEN v.cap_per_lot
    ELSE least(v.cap_per_lot, v.cap_of_revenue)
  END AS numeric) AS limit_amount,
  CASE WHEN v.cap_of_revenue IS NULL OR v.cap_per_lot <= v.cap_of_revenue THEN 'path_lot' ELSE 'path_revenue' END
    AS limit_name,
  -- Gates are words with commas between until here: arrays of nothing would be built and joined for every good trade.
  string_to_array(concat_ws(',',
    v.words_before,
    CASE WHEN v.referral_rule < 0 THEN 'NO_RULE' END,
    CASE WHEN (v.referral_rule >= 0 AND v.lacks_input) OR v.lacks_revenue_spread THEN 'SPREAD_UNKNOWN' END,
    CASE WHEN (v.referral_rule >= 0 AND v.lacks_base_rate) OR v.lacks_revenue_rate THEN 'RATE_UNKNOWN' END,
    v.words_after
  ), ',') AS referral_gates,
  string_to_array(concat_ws(',',
    v.words_before,
    CASE WHEN v.god_rule < 0 THEN 'NO_RULE' END,
    CASE WHEN v.lacks_revenue_spread THEN 'SPREAD_UNKNOWN' END,
    CASE WHEN v.lacks_revenue_rate THEN 'RATE_UNKNOWN' END,
    v.words_after
  ), ',') AS god_gates
FROM (
  SELECT b.*,
    CAST(:max_total_per_lot AS numeric) * b.lots AS cap_per_lot,
    CAST(:max_total_share_of_revenue AS numeric) * b.revenue AS cap_of_revenue
  FROM (
    SELECT a.*,
      CASE  -- What is unknown makes it zero.
        WHEN a.kind = 'per_lot' THEN round_even(a.base_factor * a.lots, 10)
        WHEN a.base_factor IS NULL OR a.base_divide IS NULL THEN 0
        WHEN a.is_of_amount THEN
          divide_even(a.base_factor * a.amount_part * a.base_multiply, a.base_divide * a.amount_whole, 10)
        WHEN a.kind = 'per_million' THEN
          divide_even(a.base_factor * a.contract_size * a.lots * a.base_multiply, a.base_divide * 1000000, 10)
        ELSE trim_scale(divide_even(a.base_factor * a.contract_size * a.lots * a.base_multiply, a.base_divide, 10))
      END AS base,
      a.kind IN ('pct_spread', 'pct_markup') AND a.base_factor IS NULL AS lacks_input,
      a.kind <> 'per_lot' AND a.base_divide IS NULL AND NOT (a.is_of_amount AND coalesce(a.base_factor, 1) = 0)
        AS lacks_base_rate,
      CASE WHEN a.revenue_spread IS NULL OR a.lacks_rate THEN 0
        ELSE divide_even(a.revenue_spread * a.contract_size * a.lots * a.multiply, a.divide, 10) END
      + CASE WHEN a.commission < 0 AND a.commission_divide IS NOT NULL
        THEN divide_even(
          -a.commission * a.amount_part * a.commission_multiply, a.commission_divide * a.amount_whole, 10
        ) ELSE 0 END
        AS revenue,
      :needs_revenue AND a.revenue_spread IS NULL AS lacks_revenue_spread,
      :needs_revenue AND (a.lacks_rate OR (a.commission < 0 AND a.commission_divide IS NULL)) AS lacks_revenue_rate
    FROM (
      SELECT t.id AS trade_id, t.revision, t.client_id, t.closed_at, t.closing_deal, t.contract_size,
        CASE WHEN vo.is_whole THEN vo.commission ELSE t.commission END AS commission, r.kind,
        /* part */r.multiplier AS amount_part, /* whole */1 AS amount_whole,
        vo.lots - vo.lots_netted AS lots_paid, vo.lots_netted, vo.credit_factor, /* average */CAST(NULL AS numeric) AS average,
        CASE r.kind
          WHEN 'pct_spread' THEN spread_on(r.basis, sp.at_open, sp.at_close, sp.average, r.typical_spread)
          WHEN 'pct_markup' THEN coalesce(r.price, CASE WHEN sp.markup_usd IS NOT NULL THEN greatest(sp.markup_usd, 0) END)
          WHEN 'pips' THEN r.price
          WHEN 'pct_commission' THEN greatest(-CASE WHEN vo.is_whole THEN vo.commission ELSE t.commission END, 0)
          WHEN 'pct_profit' THEN greatest(CASE WHEN vo.is_whole THEN vo.profit ELSE t.profit END, 0)
          WHEN 'per_million' THEN r.rate * coalesce(t.open_price, 0)
          ELSE r.rate
        END AS base_factor,
        r.kind IN ('pct_commission', 'pct_profit') OR (r.kind = 'pct_markup' AND r.price IS NULL) AS is_of_amount,
        b.multiply AS base_multiply, b.divide AS base_divide, coalesce(b.source, '') AS rate_source,
        b.quoted_at AS rate_at,
        CASE :tree_as_of
          WHEN 'open' THEN coalesce(t.opened_at, t.closed_at) WHEN 'settlement' THEN :day_end ELSE t.closed_at
        END AS path_at,
        t.closed_at < :day_start AS is_late,
        -- Short factors make exact products cheap.
        trim_scale(round_even(/* counted */t.volume_lots * r.multiplier, 10)) AS lots,
        spread_on(r.basis, sp.at_open, sp.at_close, sp.average, r.typical_spread) AS spread,
        spread_on(
          coalesce(CAST(:revenue_basis AS text), r.basis), sp.at_open, sp.at_close, sp.average, r.typical_spread
        ) AS revenue_spread,
        CASE
          WHEN spread_on(r.basis, sp.deal_open, sp.deal_close, /* average */CAST(NULL AS numeric), NULL) IS NOT NULL
          THEN 'deal'
          WHEN spread_on(r.basis, sp.at_open, sp.at_close, sp.average, r.typical_spread) IS NOT NULL THEN 'typical'
          ELSE ''
        END AS spread_source,
        coalesce(q.multiply, 1) AS multiply, coalesce(q.divide, 1) AS divide, q.multiply IS NULL AS lacks_rate,
        k.multiply AS commission_multiply, k.divide AS commission_divide,
        r.referral_rule, r.god_rule,
        coalesce(g.is_country_denied, false) AS is_country_denied,
        coalesce(f.verdict = 'hold', false) AS is_held,
        :all_own OR own.client_id IS NOT NULL AS has_own_receivers,
        nullif(concat_ws(',',
          CASE WHEN t.is_demo THEN 'DEMO' END,
          CASE WHEN t.closed_at < pl.starts_at THEN 'BEFORE_START' END,
          CASE WHEN t.opened_at IS NULL THEN 'OPENING_UNKNOWN' END,
          CASE WHEN ex.during @> t.closed_at THEN 'ACCOUNT_EXCLUDED' END,
          CASE WHEN /* is_partner */false THEN 'PARTNER_ACCOUNT' END,
          CASE WHEN r.is_group_excluded THEN 'GROUP_EXCLUDED' END,
          CASE WHEN r.is_symbol_excluded THEN 'SYMBOL_EXCLUDED' END
        ), '') AS words_before,
        nullif(concat_ws(',',
          CASE WHEN :partial_excluded AND (t.is_partial OR vo.is_in_parts) THEN 'PARTIAL_CLOSE_EXCLUDED' END,
          CASE WHEN vo.is_not_final THEN 'PARTIAL_NOT_FINAL' END,
          CASE WHEN :close_by_excluded AND t.is_close_by THEN 'CLOSE_BY_EXCLUDED' END,
          CASE WHEN vo.is_close_by_netted THEN 'CLOSE_BY_NETTED' END,
          CASE WHEN :dealer_excluded AND t.reason = ANY (CAST(:dealer_reasons AS text[])) THEN 'DEALER_DEAL' END,
          CASE WHEN :copy_excluded AND t.reason = ANY (CAST(:copy_reasons AS text[])) THEN 'COPY_TRADE' END,
          CASE WHEN t.closed_at < t.opened_at THEN 'CLOCK_SUSPECT' END,
          CASE WHEN t.closed_at - t.opened_at < CAST(:min_hold AS interval)
            AND NOT t.reason = ANY (CAST(:exempt_from_hold AS text[]))
            AND NOT a.group_name = ANY (CAST(:exempt_hold_groups AS text[])) THEN 'HOLD_TOO_SHORT' END,
          CASE WHEN abs(t.close_price - t.open_price) < CAST(:min_points AS numeric) * r.point THEN 'MOVE_TOO_SMALL' END,
          CASE WHEN :min_points > 0 AND r.point IS NULL THEN 'POINT_UNKNOWN' END,
          CASE WHEN :zero_move_excluded AND t.open_price = t.close_price THEN 'ZERO_MOVE' END,
          CASE WHEN vo.is_below_zero THEN 'NEGATIVE_BALANCE' END,
          CASE WHEN coalesce(vo.lots, t.volume_lots) < :min_volume_lots THEN 'VOLUME_TOO_SMALL' END,
          CASE WHEN coalesce(vo.lots, t.volume_lots) > CAST(:max_volume_lots AS numeric) THEN 'VOLUME_CAP' END,
          CASE WHEN vo.is_equity_unknown THEN 'EQUITY_UNKNOWN' END,
          CASE WHEN vo.lots > 0 AND vo.lots <= vo.lots_netted THEN 'HEDGE_NETTED' END,
          CASE WHEN g.trader_gates <> '{}' THEN array_to_string(g.trader_gates, ',') END,
          CASE WHEN NOT coalesce(sponsored.during @> coalesce(t.opened_at, t.closed_at), false)
            THEN 'BEFORE_ATTRIBUTION' END,
          CASE WHEN f.verdict = 'reject' THEN 'FRAUD_REJECT' END
        ), '') AS words_after
      FROM closed_trade AS t
      JOIN trading_account AS a ON a.tenant_id = t.tenant_id AND a.id = t.account_id
      JOIN trading_platform AS pl ON pl.tenant_id = t.tenant_id AND pl.id = t.platform_id
      /* match_joins */
      JOIN run_rule AS r
        ON r.tenant_id = t.tenant_id AND r.business_date = :business_date AND r.plan_number = :plan_number
        AND r.symbol = t.symbol AND r.symbol_class = t.symbol_class AND r.group_name = a.group_name
        AND r.more = /* more */''
      /* volume */
      /* joins */
      CROSS JOIN LATERAL (
        SELECT d.deal_open, d.deal_close, coalesce(d.deal_open, r.typical_spread) AS at_open,
          coalesce(d.deal_close, r.typical_spread) AS at_close,
          coalesce(/* average */CAST(NULL AS numeric), r.typical_spread) AS average,
          CASE WHEN vo.is_whole THEN vo.markup_usd ELSE t.markup_usd END AS markup_usd
        FROM (
          SELECT
            CASE
              WHEN vo.is_whole THEN vo.open_spread
              WHEN t.open_bid > 0 AND t.open_ask >= t.open_bid THEN t.open_ask - t.open_bid
            END AS deal_open,
            CASE WHEN t.close_bid > 0 AND t.close_ask >= t.close_bid THEN t.close_ask - t.close_bid END AS deal_close
        ) AS d
      ) AS sp
      LEFT JOIN (
        SELECT x.account_id, range_agg(tstzrange(x.valid_from, x.valid_to)) AS during
        FROM account_exclusion AS x WHERE x.tenant_id = :tenant_id AND x.valid_from < x.valid_to GROUP BY x.account_id
      ) AS ex ON ex.account_id = t.account_id
      LEFT JOIN run_quote AS q
        ON q.tenant_id = t.tenant_id AND q.business_date = :business_date AND q.currency = t.profit_currency
        AND q.plan_currency = :plan_currency
        AND q.on_date = coalesce(CAST(:rate_date AS date), CAST(t.closed_at AT TIME ZONE 'UTC' AS date))
      LEFT JOIN run_quote AS k
        ON k.tenant_id = t.tenant_id AND k.business_date = :business_date AND k.currency = t.account_currency
        AND k.plan_currency = :plan_currency
        AND k.on_date = coalesce(CAST(:rate_date AS date), CAST(t.closed_at AT TIME ZONE 'UTC' AS date))
      LEFT JOIN run_quote AS b  -- The rate of the base: which currencies it joins depends on the rule's kind.
        ON b.tenant_id = t.tenant_id AND b.business_date = :business_date
        AND b.currency = CASE
          WHEN r.kind IN ('pct_commission', 'pct_profit') THEN t.account_currency
          WHEN r.kind = 'pct_markup' AND r.price IS NULL THEN 'USD'
          ELSE t.profit_currency
        END
        AND b.plan_currency = CASE r.kind WHEN 'per_million' THEN 'USD' ELSE :plan_currency END
        AND b.on_date = coalesce(CAST(:rate_date AS date), CAST(t.closed_at AT TIME ZONE 'UTC' AS date))
      LEFT JOIN run_gate AS g
        ON g.tenant_id = t.tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
        AND g.client_id = t.client_id
      LEFT JOIN trade_verdict AS f ON f.tenant_id = t.tenant_id AND f.trade_id = t.id
      LEFT JOIN (
        SELECT l.child_id, range_agg(tstzrange(l.valid_from, l.valid_to)) AS during
        FROM partner_link AS l WHERE l.tenant_id = :tenant_id GROUP BY l.child_id
      ) AS sponsored ON sponsored.child_id = t.client_id
      LEFT JOIN (
        SELECT DISTINCT o.client_id FROM run_receiver AS o
        WHERE o.tenant_id = :tenant_id AND o.business_date = :business_date AND o.plan_number = :plan_number
      ) AS own ON own.client_id = t.client_id
      WHERE t.tenant_id = :tenant_id AND t.deleted_at IS NULL
        AND t.closed_at >= :slice_from AND t.closed_at < :slice_to
        AND (t.closed_at >= :scan_from OR t.batch_no > :batch_from)
        AND NOT EXISTS (
          SELECT FROM settled_trade AS s
          WHERE s.tenant_id = t.tenant_id AND s.trade_id = t.id AND s.revision = t.revision
        )
      OFFSET 0  -- Computed once per trade, not once per place that uses it.
    ) AS a
    OFFSET 0
  ) AS b
  OFFSET 0
) AS v
WHERE NOT (  -- A trade whose spread or rate nobody knows yet waits a few days before it is settled without.
  v.closed_at >= :wait_until
  AND (
    (v.referral_rule >= 0 AND (v.lacks_input OR v.lacks_base_rate)) OR v.lacks_revenue_spread OR v.lacks_revenue_rate
  )
)
