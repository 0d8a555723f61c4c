LEFT JOIN (  -- When each person had people below them or an amount per lot of their own.
  SELECT o.partner_id, range_agg(tstzrange(o.valid_from, o.valid_to)) AS during
  FROM (
    SELECT l.parent_id AS partner_id, l.valid_from, l.valid_to FROM partner_link AS l
    WHERE l.tenant_id = :tenant_id AND l.valid_from < l.valid_to
    UNION ALL
    SELECT g.partner_id, g.valid_from, g.valid_to FROM god_grant AS g
    WHERE g.tenant_id = :tenant_id AND g.valid_from < g.valid_to
  ) AS o
  GROUP BY o.partner_id
) AS ib ON ib.partner_id = t.client_id
