-- Clicks of a period beside the people who signed up in it and how far they have come, in rows by :by.
WITH clicked AS (
  SELECT CASE CAST(:by AS text)
      WHEN 'link' THEN coalesce(CAST(k.link_id AS text), 'plain') WHEN 'campaign' THEN coalesce(l.campaign, '')
      WHEN 'day' THEN CAST(k.business_date AS text) WHEN 'month' THEN to_char(k.business_date, 'YYYY-MM')
      WHEN 'partner' THEN CAST(k.partner_id AS text) ELSE ''
    END AS key,
    count(*) AS clicks
  FROM link_click AS k
  LEFT JOIN campaign_link AS l ON l.tenant_id = k.tenant_id AND l.id = k.link_id
  WHERE k.tenant_id = :tenant_id AND k.business_date >= :day_from AND k.business_date <= :day_to
    AND (CAST(:partner_id AS uuid) IS NULL OR k.partner_id = :partner_id)
    AND (CAST(:link_id AS uuid) IS NULL OR k.link_id = :link_id)
    AND (NOT CAST(:only_plain AS boolean) OR k.link_id IS NULL)
    AND (CAST(:campaign AS text) IS NULL OR coalesce(l.campaign, '') = :campaign)
  GROUP BY 1
),
signed_up AS (
  SELECT CASE CAST(:by AS text)
      WHEN 'link' THEN coalesce(CAST(r.link_id AS text), 'plain') WHEN 'campaign' THEN coalesce(l.campaign, '')
      WHEN 'day' THEN CAST(r.business_date AS text) WHEN 'month' THEN to_char(r.business_date, 'YYYY-MM')
      WHEN 'partner' THEN CAST(r.partner_id AS text) ELSE ''
    END AS key,
    count(*) AS registrations,
    count(*) FILTER (WHERE c.kyc_level > 0) AS verified,
    count(*) FILTER (WHERE EXISTS (
      SELECT FROM deposit AS d
      WHERE d.tenant_id = r.tenant_id AND d.client_id = r.client_id AND d.status = 'succeeded'
    )) AS funded,
    count(*) FILTER (WHERE EXISTS (
      SELECT FROM closed_trade AS t
      WHERE t.tenant_id = r.tenant_id AND t.client_id = r.client_id AND t.closed_at >= :active_since
        AND t.deleted_at IS NULL AND NOT t.is_demo
    )) AS active
  FROM link_registration AS r
  JOIN client AS c ON c.tenant_id = r.tenant_id AND c.id = r.client_id
  LEFT JOIN campaign_link AS l ON l.tenant_id = r.tenant_id AND l.id = r.link_id
  WHERE r.tenant_id = :tenant_id AND r.business_date >= :day_from AND r.business_date <= :day_to
    AND (CAST(:partner_id AS uuid) IS NULL OR r.partner_id = :partner_id)
    AND (CAST(:link_id AS uuid) IS NULL OR r.link_id = :link_id)
    AND (NOT CAST(:only_plain AS boolean) OR r.link_id IS NULL)
    AND (CAST(:campaign AS text) IS NULL OR coalesce(l.campaign, '') = :campaign)
  GROUP BY 1
)
SELECT coalesce(a.key, b.key) AS key, coalesce(a.clicks, 0) AS clicks, coalesce(b.registrations, 0) AS registrations,
  coalesce(b.verified, 0) AS verified, coalesce(b.funded, 0) AS funded, coalesce(b.active, 0) AS active
FROM clicked AS a
FULL JOIN signed_up AS b ON b.key = a.key
ORDER BY CASE WHEN CAST(:by AS text) IN ('day', 'month') THEN coalesce(a.key, b.key) END DESC,
  coalesce(b.registrations, 0) DESC, coalesce(a.clicks, 0) DESC, 1
