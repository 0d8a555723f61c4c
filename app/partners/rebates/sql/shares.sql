-- What goes from each line to others. On one line the shares stand in a fixed order and each reaches from where the one
-- before ends, so giver and receivers together have exactly the line.
INSERT INTO commission_share (
  tenant_id, giver_id, trade_id, revision, track, kind, component, receiver_id, received_track, business_date,
  agreement_id, distance, share, line_amount, amount
)
SELECT :tenant_id, giver_id, trade_id, revision, track, kind, 'base', receiver_id,
  CASE kind WHEN 'rebate' THEN 'rebate' ELSE 'share' END, :business_date, agreement_id, distance,
  trim_scale(upto - before), line_amount, round_even(line_amount * upto, 10) - round_even(line_amount * before, 10)
FROM (
  SELECT s.*, least(1, sum(s.limited) OVER so_far) AS upto, least(1, sum(s.limited) OVER so_far - s.limited) AS before
  FROM (
    SELECT n.*,
      least(n.share, CASE n.kind WHEN 'take' THEN :take_max WHEN 'give' THEN :give_max ELSE :rebate_max END) AS limited
    FROM share_now AS n
  ) AS s
  WINDOW so_far AS (
    PARTITION BY s.trade_id, s.track, s.giver_id ORDER BY array_position(ARRAY['take', 'give', 'rebate'], s.kind)
  )
) AS w
WHERE upto > before
ORDER BY giver_id, trade_id
