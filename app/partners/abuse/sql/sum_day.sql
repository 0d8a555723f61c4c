-- What each client traded on one settlement day, as the detectors count it. A corrected trade counts where it was first.
INSERT INTO client_day (
  tenant_id, business_date, client_id, trades, short_trades, lots, short_lots, near_lots, empty_lots, revenue, commission
)
SELECT :tenant_id, :business_date, u.client_id, u.trades, u.short_trades, u.lots, u.short_lots, u.near_lots, u.empty_lots,
  u.revenue, /* commission */0
FROM (
  SELECT s.client_id, count(*) AS trades, count(*) FILTER (WHERE h.is_short) AS short_trades,
    sum(t.volume_lots) AS lots,
    coalesce(sum(t.volume_lots) FILTER (WHERE h.is_short), 0) AS short_lots,
    coalesce(sum(t.volume_lots) FILTER (WHERE h.is_near), 0) AS near_lots,
    coalesce(sum(t.volume_lots) FILTER (
      WHERE abs(t.close_price - t.open_price) < CAST(:spreads AS numeric) * s.spread
    ), 0) AS empty_lots,
    sum(s.revenue) AS revenue
  FROM settled_trade AS s
  JOIN closed_trade AS t
    ON t.tenant_id = s.tenant_id AND t.id = s.trade_id AND NOT t.is_demo AND t.opened_at IS NOT NULL
    AND t.closed_at >= :closed_from AND t.closed_at <= :closed_to
  JOIN trading_account AS a ON a.tenant_id = t.tenant_id AND a.id = t.account_id
  CROSS JOIN LATERAL (
    SELECT t.reason = ANY (CAST(:exempt_from_hold AS text[]))
      OR a.group_name = ANY (CAST(:exempt_hold_groups AS text[])) AS is_exempt
  ) AS e
  CROSS JOIN LATERAL (
    SELECT NOT e.is_exempt AND t.closed_at - t.opened_at < CAST(:min_hold AS interval) AS is_short,
      NOT e.is_exempt AND t.closed_at - t.opened_at >= CAST(:min_hold AS interval)
        AND t.closed_at - t.opened_at <= CAST(:min_hold AS interval) + CAST(:margin AS interval) AS is_near
  ) AS h
  WHERE s.tenant_id = :tenant_id AND s.business_date = :business_date
    AND (s.revision = 0 OR NOT EXISTS (
      SELECT FROM settled_trade AS o
      WHERE o.tenant_id = s.tenant_id AND o.trade_id = s.trade_id AND o.revision < s.revision
    ))
  GROUP BY s.client_id
) AS u
/* joins */
ON CONFLICT DO NOTHING
