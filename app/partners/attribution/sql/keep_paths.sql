-- The paths of the settled trades that are about to be attributed anew, as they are still known. A trade that was kept
-- before and is not settled anew yet keeps its first path: on that one it was paid.
INSERT INTO reattributed_trade (tenant_id, trade_id, revision, reattribution_id, partner_ids, link_ids)
SELECT s.tenant_id, s.trade_id, s.revision, :reattribution_id, b.partner_ids, b.link_ids
FROM settled_trade AS s
JOIN closed_trade AS t ON t.tenant_id = s.tenant_id AND t.id = s.trade_id AND t.deleted_at IS NULL
CROSS JOIN LATERAL (
  WITH RECURSIVE up AS (
    SELECT k.parent_id, k.id, 1 AS distance FROM partner_link AS k
    WHERE k.tenant_id = s.tenant_id AND k.child_id = s.client_id AND k.valid_from <= s.path_at AND k.valid_to > s.path_at
    UNION ALL
    SELECT k.parent_id, k.id, up.distance + 1 FROM up
    JOIN partner_link AS k
      ON k.tenant_id = s.tenant_id AND k.child_id = up.parent_id AND k.valid_from <= s.path_at AND k.valid_to > s.path_at
    WHERE up.distance <= :length_max
  )
  SELECT coalesce(array_agg(parent_id ORDER BY distance), '{}') AS partner_ids,
    coalesce(array_agg(id ORDER BY distance), '{}') AS link_ids
  FROM up
) AS b
WHERE s.tenant_id = :tenant_id AND s.client_id = ANY (CAST(:clients AS uuid[])) AND s.path_at >= :since
  AND s.business_date >= :first_day
  AND NOT EXISTS (
    SELECT FROM settled_trade AS n WHERE n.tenant_id = s.tenant_id AND n.trade_id = s.trade_id AND n.revision > s.revision
  )
ON CONFLICT DO NOTHING
