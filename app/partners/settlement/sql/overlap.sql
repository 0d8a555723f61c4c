-- Where one person would earn from several tracks on a trade, one line stays: the larger, or the first track that pays.
UPDATE candidate AS c SET reason = 'OVERLAP', gates = '{}'
FROM (
  SELECT trade_id, track, partner_id, row_number() OVER (
    PARTITION BY trade_id, partner_id
    ORDER BY CASE WHEN :overlap_policy = 'highest' THEN -amount END, array_position(CAST(:cap_order AS text[]), track)
  ) AS place
  FROM candidate WHERE reason IS NULL
) AS o
WHERE o.place > 1 AND c.trade_id = o.trade_id AND c.track = o.track AND c.partner_id = o.partner_id
