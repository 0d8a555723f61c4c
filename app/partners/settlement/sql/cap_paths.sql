-- Bring the lines of a trade under its limit, group after group: a group that fits stays whole, the first that does not
-- is scaled down to what is left, and nothing is left for the rest. Only trades whose total is over it are touched.
UPDATE candidate AS c
SET amount = g.reduced, cap = g.limit_name, reason = CASE WHEN g.reduced = 0 THEN 'CAP_REACHED' END,
  gates = CASE WHEN g.reduced = 0 THEN '{}' ELSE c.gates END
FROM (
  SELECT l.trade_id, l.track, l.partner_id, l.limit_name,
    divide_down(l.amount * greatest(0, l.limit_amount - (l.upto - l.wanted)), l.wanted, 10) AS reduced
  FROM (
    SELECT k.*,
      sum(k.amount) OVER (PARTITION BY k.trade_id ORDER BY k.first_rank, k.second_rank) AS upto,
      sum(k.amount) OVER (PARTITION BY k.trade_id, k.first_rank, k.second_rank) AS wanted
    FROM (
      SELECT m.trade_id, m.track, m.partner_id, m.amount, b.limit_amount, b.limit_name,
        CASE :cap_policy
          WHEN 'priority' THEN array_position(CAST(:cap_order AS text[]), m.track)
          WHEN 'nearest_first' THEN m.distance
          WHEN 'top_first' THEN -m.distance
          ELSE 0
        END AS first_rank,
        CASE WHEN :cap_policy IN ('nearest_first', 'top_first')
          THEN array_position(CAST(:cap_order AS text[]), m.track) ELSE 0 END AS second_rank
      FROM candidate AS m
      JOIN (
        SELECT n.trade_id, t.limit_amount, t.limit_name
        FROM candidate AS n
        JOIN trade_now AS t ON t.trade_id = n.trade_id
        WHERE n.reason IS NULL
        GROUP BY n.trade_id, t.limit_amount, t.limit_name
        HAVING sum(n.amount) > t.limit_amount
      ) AS b ON b.trade_id = m.trade_id
      WHERE m.reason IS NULL
    ) AS k
  ) AS l
  WHERE l.upto > l.limit_amount
) AS g
WHERE c.trade_id = g.trade_id AND c.track = g.track AND c.partner_id = g.partner_id
