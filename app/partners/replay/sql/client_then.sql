(
    SELECT n.id, n.country,
      coalesce((
        SELECT s.status FROM standing_change AS s
        WHERE s.client_id = n.id AND s.at > :at AND s.status IS NOT NULL ORDER BY s.at LIMIT 1
      ), n.status) AS status,
      coalesce((
        SELECT s.kyc_level FROM standing_change AS s
        WHERE s.client_id = n.id AND s.at > :at AND s.kyc_level IS NOT NULL ORDER BY s.at LIMIT 1
      ), n.kyc_level) AS kyc_level, n.tenant_id
    FROM client AS n
  )
