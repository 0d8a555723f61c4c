LEFT JOIN (
  SELECT s.client_id, sum(l.amount) AS amount
  FROM commission_line AS l
  JOIN settled_trade AS s
    ON s.tenant_id = l.tenant_id AND s.trade_id = l.trade_id AND s.revision = l.revision
    AND s.business_date = :business_date
  WHERE l.tenant_id = :tenant_id AND l.business_date = :business_date AND l.component = 'base' AND l.track <> 'cashback'
  GROUP BY s.client_id
) AS c ON c.client_id = u.client_id
