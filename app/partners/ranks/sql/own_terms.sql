-- What ranks, tiers and own rates make of the candidates of this slice: each partner's amount anew, then the nested policy
-- over what they have now. A partner's lots count in the order in which the trades were closed.
UPDATE candidate AS c
SET rate = o.rate, amount_before_cap = o.amount,
  amount = CASE WHEN o.amount > o.max_per_event THEN o.max_per_event ELSE o.amount END,
  cap = CASE WHEN o.amount > o.max_per_event THEN 'event' ELSE '' END,
  reason = coalesce(o.gate, CASE WHEN o.is_passed_over THEN 'NESTED_POLICY' WHEN o.amount = 0 THEN 'ZERO_AMOUNT' END)
FROM (
  SELECT a.trade_id, a.track, a.partner_id, a.gate, a.is_passed_over, a.max_per_event,
    CASE
      WHEN a.track = 'referral' THEN a.share
      WHEN a.is_passed_over THEN 0
      WHEN :nested_policy = 'difference' THEN a.own_rate - coalesce(a.best_nearer, 0)
      WHEN :nested_policy = 'split' THEN a.pool_rate * (a.reaching - a.passed)
      WHEN a.is_by_lot AND a.lots > 0 THEN divide_even(a.gross, a.lots, 10)
      WHEN a.is_by_lot THEN tier_rate(a.tier_upto, a.tier_rates, a.stood_at)
      WHEN a.is_by_trade THEN tier_rate(a.tier_upto, a.tier_rates, a.stood_at)
      ELSE a.own_rate
    END AS rate,
    CASE
      WHEN a.shares IS NOT NULL THEN chain_shares(a.base, a.shares)
      WHEN a.track = 'referral' THEN round_even(coalesce(round_even(a.gross, 10), a.base) * a.share, 10)
      WHEN a.is_passed_over THEN 0
      WHEN :nested_policy = 'difference' THEN
        round_even((a.own_rate - coalesce(a.best_nearer, 0)) * a.weight * a.lots, 10)
      WHEN :nested_policy = 'split' THEN round_even(a.pool_rate * a.weight * a.lots * a.reaching, 10)
        - round_even(a.pool_rate * a.weight * a.lots * a.passed, 10)
      ELSE round_even(a.weight * a.gross, 10)
    END AS amount
  FROM (
    SELECT s.*,
      CASE
        WHEN s.is_by_lot THEN tier_amount(s.tier_upto, s.tier_rates, s.stood_at, s.lots)
        WHEN s.is_by_trade THEN tier_rate(s.tier_upto, s.tier_rates, s.stood_at) * s.lots
        ELSE s.own_rate * s.lots
      END AS gross
    FROM (
      SELECT p.*,
        coalesce(v.stood_at, 0) + coalesce(
          sum(p.lots) FILTER (WHERE p.gate IS NULL AND NOT p.is_passed_over) OVER (
            PARTITION BY p.partner_id, p.track, p.month ORDER BY p.closed_at, p.trade_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
          ), 0) AS stood_at
      FROM (
        SELECT n.*,
          n.track = 'god' AND (n.is_out OR CASE :nested_policy
            WHEN 'difference' THEN n.own_rate <= coalesce(n.best_nearer, 0)
            WHEN 'nearest' THEN n.place <> 1
            WHEN 'topmost' THEN n.place <> n.places
            WHEN 'highest' THEN NOT (n.own_rate = n.best AND coalesce(n.best_nearer < n.best, true))
            WHEN 'split' THEN n.pool_rate * (n.reaching - n.passed) = 0
            ELSE false
          END) AS is_passed_over
        FROM (
          SELECT m.*, CASE WHEN :nested_policy = 'split' THEN (CAST(:products AS numeric[]))[m.place] END AS reaching,
            CASE
              WHEN :nested_policy <> 'split' THEN NULL
              WHEN m.place = m.places THEN 0
              ELSE (CAST(:products AS numeric[]))[m.place + 1]
            END AS passed
          FROM (
            SELECT k.*, row_number() OVER nearest AS place, count(*) OVER whole AS places, max(k.own_rate) OVER whole AS best,
              first_value(k.own_rate) OVER nearest AS pool_rate, max(k.own_rate) OVER nearer AS best_nearer
            FROM (/* include own_rates */) AS k
            WINDOW
              whole AS (PARTITION BY k.trade_id, k.track, k.is_out),
              nearest AS (PARTITION BY k.trade_id, k.track, k.is_out ORDER BY k.distance),
              nearer AS (
                PARTITION BY k.trade_id, k.track, k.is_out ORDER BY k.distance
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
              )
          ) AS m
        ) AS n
      ) AS p
      LEFT JOIN (
        SELECT w.partner_id, w.track, w.month, sum(w.lots - w.lots_back) AS stood_at
        FROM commission_volume AS w
        WHERE w.tenant_id = :tenant_id AND w.month = ANY (CAST(:months AS date[]))
        GROUP BY w.partner_id, w.track, w.month
      ) AS v ON v.partner_id = p.partner_id AND v.track = p.track AND v.month = p.month
    ) AS s
  ) AS a
) AS o
WHERE c.trade_id = o.trade_id AND c.track = o.track AND c.partner_id = o.partner_id
