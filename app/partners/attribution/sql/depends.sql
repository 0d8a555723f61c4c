-- How much was computed on the paths of these clients from an instant on, and since which day.
SELECT count(*) AS number, min(d.business_date) AS first_day
FROM (
  SELECT s.business_date FROM settled_trade AS s
  WHERE s.tenant_id = :tenant_id AND s.client_id = ANY (CAST(:clients AS uuid[])) AND s.path_at >= :since
    AND s.business_date >= :first_day
  UNION ALL
  SELECT a.business_date FROM commission_award AS a
  WHERE a.tenant_id = :tenant_id AND a.client_id = ANY (CAST(:clients AS uuid[])) AND a.business_date >= :first_day
) AS d
