-- Those whom a partner brought in, as of an instant, with how far each has come. The newest first.
SELECT f.* FROM (
  SELECT c.id AS client_id, c.number, c.name, c.email, c.status, c.country, c.kyc_level, l.valid_from AS since,
    (SELECT count(*) FROM partner_link AS k
     WHERE k.tenant_id = :tenant_id AND k.parent_id = c.id AND k.valid_from <= :at AND k.valid_to > :at) AS brought_in,
    (SELECT g.rate_per_lot FROM god_grant AS g
     WHERE g.tenant_id = :tenant_id AND g.partner_id = c.id AND g.valid_from <= :at AND g.valid_to > :at) AS god_rate,
    EXISTS (
      SELECT FROM deposit AS d
      WHERE d.tenant_id = :tenant_id AND d.client_id = c.id AND d.status = 'succeeded'
    ) AS is_funded,
    EXISTS (
      SELECT FROM closed_trade AS t
      WHERE t.tenant_id = :tenant_id AND t.client_id = c.id AND t.closed_at >= :since AND t.deleted_at IS NULL
        AND NOT t.is_demo
    ) AS is_active
  FROM partner_link AS l
  JOIN client AS c ON c.tenant_id = l.tenant_id AND c.id = l.child_id
  WHERE l.tenant_id = :tenant_id AND l.parent_id = :partner_id AND l.valid_from <= :at AND l.valid_to > :at
    AND (CAST(:status AS text) = '' OR c.status = :status)
    AND (CAST(:country AS text) = '' OR c.country = :country)
    AND (CAST(:number AS text) = '' OR CAST(c.number AS text) LIKE :number || '%')
) AS f
WHERE CASE CAST(:stage AS text)
    WHEN 'verified' THEN f.kyc_level > 0 WHEN 'unverified' THEN f.kyc_level = 0 WHEN 'funded' THEN f.is_funded
    WHEN 'unfunded' THEN NOT f.is_funded WHEN 'active' THEN f.is_active WHEN 'inactive' THEN NOT f.is_active ELSE true
  END
  AND (NOT CAST(:only_partners AS boolean) OR f.brought_in > 0 OR f.god_rate IS NOT NULL)
