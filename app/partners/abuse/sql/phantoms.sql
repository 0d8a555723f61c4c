-- Sub-partners and their masters, with the signs that one of them is invented.
SELECT v.partner_id, v.master_id, v.clients, v.signs
FROM (
  SELECT s.partner_id, s.master_id, s.clients, array_remove(ARRAY[
    CASE WHEN NOT EXISTS (
      SELECT FROM identity_user AS u
      WHERE u.tenant_id = :tenant_id AND u.client_id = s.partner_id AND u.last_sign_in_at >= :signed_in_since
    ) THEN 'no_sign_in' END,
    CASE WHEN 'device' = ANY (w.kinds) THEN 'shared_device' END,
    CASE WHEN s.from_master = s.clients THEN 'clients_of_master' END,
    CASE WHEN 'instrument' = ANY (w.kinds) THEN 'shared_account' END
  ], NULL) AS signs
  FROM (
    SELECT k.child_id AS partner_id, k.parent_id AS master_id, count(*) AS clients,
      count(*) FILTER (WHERE EXISTS (
        SELECT FROM partner_link AS o
        WHERE o.tenant_id = :tenant_id AND o.child_id = c.child_id AND o.parent_id = k.parent_id
          AND o.valid_from < o.valid_to AND o.valid_to <= c.valid_from
      )) AS from_master
    FROM partner_link AS k
    JOIN partner_link AS c
      ON c.tenant_id = :tenant_id AND c.parent_id = k.child_id AND c.valid_from <= :at AND c.valid_to > :at
    WHERE k.tenant_id = :tenant_id AND k.valid_from <= :at AND k.valid_to > :at
    GROUP BY k.child_id, k.parent_id
  ) AS s
  LEFT JOIN run_link AS w
    ON w.tenant_id = :tenant_id AND w.business_date = :business_date AND w.client_id = s.partner_id
    AND w.partner_id = s.master_id
) AS v
WHERE cardinality(v.signs) >= :signs_min
ORDER BY v.partner_id
