-- Everybody who signed up by a code in a period, and how far they have come: the rows behind the funnel.
SELECT r.client_id, c.name AS client_name, c.number AS client_number, c.country, r.partner_id, p.name AS partner_name,
  p.number AS partner_number, l.name AS link_name, coalesce(l.campaign, '') AS campaign, r.business_date,
  r.registered_at, c.kyc_level > 0 AS is_verified,
  EXISTS (
    SELECT FROM deposit AS d
    WHERE d.tenant_id = r.tenant_id AND d.client_id = r.client_id AND d.status = 'succeeded'
  ) AS is_funded,
  EXISTS (
    SELECT FROM closed_trade AS t
    WHERE t.tenant_id = r.tenant_id AND t.client_id = r.client_id AND t.closed_at >= :active_since
      AND t.deleted_at IS NULL AND NOT t.is_demo
  ) AS is_active
FROM link_registration AS r
JOIN client AS c ON c.tenant_id = r.tenant_id AND c.id = r.client_id
JOIN client AS p ON p.tenant_id = r.tenant_id AND p.id = r.partner_id
LEFT JOIN campaign_link AS l ON l.tenant_id = r.tenant_id AND l.id = r.link_id
WHERE r.tenant_id = :tenant_id AND r.business_date >= :day_from AND r.business_date <= :day_to
  AND (CAST(:partner_id AS uuid) IS NULL OR r.partner_id = :partner_id)
  AND (CAST(:link_id AS uuid) IS NULL OR r.link_id = :link_id)
  AND (NOT CAST(:only_plain AS boolean) OR r.link_id IS NULL)
  AND (CAST(:campaign AS text) IS NULL OR coalesce(l.campaign, '') = :campaign)
ORDER BY r.registered_at DESC, r.client_id
LIMIT :limit OFFSET :offset
