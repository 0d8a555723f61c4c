-- When the first trade of this slice was closed.
SELECT min(n.closed_at) FROM trade_now AS n
