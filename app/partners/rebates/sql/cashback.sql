-- What the broker pays the trader of each trade of this slice, or the first reason against it. No sponsor is needed.
CREATE TEMPORARY TABLE cashback_now ON COMMIT DROP AS
SELECT b.trade_id, b.revision, b.client_id, b.is_held, b.per_lot, b.before,
  CASE WHEN b.limit_amount < b.amount THEN divide_down(b.limit_amount, 1, 10) ELSE b.amount END AS amount,
  CASE WHEN b.limit_amount < b.amount THEN b.limit_name WHEN b.amount < b.before THEN 'event' ELSE '' END AS cap,
  coalesce(
    b.gates[1],
    CASE
      WHEN b.before = 0 THEN 'ZERO_AMOUNT'
      WHEN b.limit_amount < b.amount AND divide_down(b.limit_amount, 1, 10) = 0 THEN 'CAP_REACHED'
    END
  ) AS reason,
  b.gates
FROM (
  SELECT t.trade_id, t.revision, t.client_id, t.is_held, t.limit_amount, t.limit_name, coalesce(r.per_lot, 0) AS per_lot,
    round_even(coalesce(r.per_lot, 0) * t.lots, 10) AS before,
    least(round_even(coalesce(r.per_lot, 0) * t.lots, 10), r.max_per_event) AS amount,
    array_remove(
      string_to_array(coalesce(t.words_before, ''), ',') || CASE WHEN r.rule IS NULL THEN ARRAY['NO_RULE'] ELSE ARRAY[]::text[] END
        || CASE WHEN t.lacks_revenue_spread THEN ARRAY['SPREAD_UNKNOWN'] ELSE ARRAY[]::text[] END
        || CASE WHEN t.lacks_revenue_rate THEN ARRAY['RATE_UNKNOWN'] ELSE ARRAY[]::text[] END
        || string_to_array(coalesce(t.words_after, ''), ','),
      'BEFORE_ATTRIBUTION'
    ) AS gates
  FROM trade_now AS t
  JOIN closed_trade AS x ON x.tenant_id = :tenant_id AND x.id = t.trade_id
  JOIN trading_account AS a ON a.tenant_id = x.tenant_id AND a.id = x.account_id
  LEFT JOIN run_cashback AS r
    ON r.tenant_id = x.tenant_id AND r.business_date = :business_date AND r.plan_number = :plan_number
    AND r.symbol = x.symbol AND r.symbol_class = x.symbol_class AND r.group_name = a.group_name
  OFFSET 0
) AS b
