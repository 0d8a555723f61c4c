-- What the run has done, for its page.
SELECT
  (SELECT count(*) FROM commission_line AS l WHERE l.tenant_id = :tenant_id AND l.business_date = :business_date)
    + (SELECT count(*) FROM commission_award AS a WHERE a.tenant_id = :tenant_id AND a.business_date = :business_date) AS lines,
  (SELECT count(*) FROM commission_reason AS r WHERE r.tenant_id = :tenant_id AND r.business_date = :business_date) AS reasons,
  (SELECT count(*) FROM commission_hold AS h WHERE h.tenant_id = :tenant_id AND h.held_on = :business_date)
    + (SELECT count(*) FROM commission_award_hold AS w WHERE w.tenant_id = :tenant_id AND w.held_on = :business_date) AS held,
  t.trades, t.late_trades
FROM (
  SELECT count(*) AS trades, count(*) FILTER (WHERE s.is_late) AS late_trades
  FROM settled_trade AS s WHERE s.tenant_id = :tenant_id AND s.business_date = :business_date
) AS t
