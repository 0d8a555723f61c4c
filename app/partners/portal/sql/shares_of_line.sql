-- What of one line went to others, in the order in which the parts were cut.
SELECT kind, share, line_amount, amount
FROM commission_share
WHERE tenant_id = :tenant_id AND giver_id = :giver AND trade_id = :trade AND revision = :revision AND track = :track
  AND component = :component
ORDER BY array_position(ARRAY['take', 'give', 'rebate'], kind)
