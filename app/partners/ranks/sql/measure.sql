-- What each partner is measured by: the people below them at one instant, and what those did in a stretch of time.
WITH RECURSIVE below AS (
  SELECT k.parent_id AS partner_id, k.child_id AS client_id
  FROM partner_link AS k
  WHERE k.tenant_id = :tenant_id AND k.valid_from <= :at AND k.valid_to > :at
    AND (CAST(:partners AS uuid[]) IS NULL OR k.parent_id = ANY (CAST(:partners AS uuid[])))
  UNION ALL
  SELECT below.partner_id, k.child_id
  FROM below
  JOIN partner_link AS k
    ON k.tenant_id = :tenant_id AND k.parent_id = below.client_id AND k.valid_from <= :at AND k.valid_to > :at
  WHERE :is_deep
), rate AS (
  SELECT * FROM unnest(
    CAST(:currencies AS text[]), CAST(:places AS int[]), CAST(:in_plan AS numeric[]), CAST(:in_dollars AS numeric[])
  ) AS r (currency, places, in_plan, in_dollars)
), valid AS (
  SELECT s.client_id, s.lots, s.closed_at, t.platform_id, t.position_id,
    t.open_price * t.contract_size * s.lots * r.in_dollars AS dollars
  FROM closed_trade AS t
  JOIN settled_trade AS s ON s.tenant_id = t.tenant_id AND s.trade_id = t.id AND s.revision = t.revision
  LEFT JOIN rate AS r ON r.currency = t.profit_currency
  WHERE t.tenant_id = :tenant_id AND t.deleted_at IS NULL AND t.closed_at < :until
    AND t.closed_at >= least(CAST(:begin AS timestamptz), CAST(:active_from AS timestamptz))
    AND (s.referral_gates = '{}' OR s.god_gates = '{}') /* of these */
), traded AS (
  SELECT client_id, sum(lots) FILTER (WHERE closed_at >= :begin) AS lots,
    sum(dollars) FILTER (WHERE closed_at >= :begin) AS dollars,
    count(DISTINCT (platform_id, position_id)) FILTER (WHERE closed_at >= :active_from) AS orders
  FROM valid GROUP BY client_id
), paid_in AS (
  SELECT m.client_id, sum(m.minor * power(10::numeric, -r.places) * r.in_plan) AS net,
    sum(m.minor * power(10::numeric, -r.places) * r.in_plan) FILTER (WHERE m.minor > 0) AS deposits
  FROM (
    SELECT d.client_id, d.currency, d.received_minor AS minor FROM deposit AS d
    WHERE d.tenant_id = :tenant_id AND d.status = 'succeeded' AND d.decided_at >= :begin AND d.decided_at < :until
    UNION ALL
    SELECT w.client_id, w.currency, -w.amount_minor FROM withdrawal AS w
    WHERE w.tenant_id = :tenant_id AND w.status = 'paid' AND w.decided_at >= :begin AND w.decided_at < :until
  ) AS m
  JOIN rate AS r ON r.currency = m.currency
  GROUP BY m.client_id
), funds AS (
  SELECT f.client_id, sum(f.amount * r.in_plan) AS own
  FROM (
    SELECT a.client_id, a.currency, s.balance AS amount
    FROM trading_account AS a
    JOIN account_state AS s ON s.tenant_id = a.tenant_id AND s.account_id = a.id
    WHERE a.tenant_id = :tenant_id AND NOT a.is_demo
    UNION ALL
    SELECT w.owner_id, w.currency, w.balance_minor * power(10::numeric, -p.places)
    FROM wallet AS w JOIN rate AS p ON p.currency = w.currency
    WHERE w.tenant_id = :tenant_id AND w.owner_kind = 'client' AND w.purpose = 'main'
  ) AS f
  JOIN rate AS r ON r.currency = f.currency
  GROUP BY f.client_id
), person AS (
  SELECT c.id AS client_id, coalesce(t.lots, 0) AS lots, coalesce(t.dollars, 0) AS dollars, coalesce(p.net, 0) AS net,
    coalesce(p.deposits, 0) AS deposits,
    coalesce(t.orders, 0) >= CAST(:orders AS int) AND coalesce(f.own, 0) >= CAST(:own_funds AS numeric) AS is_active
  FROM client AS c
  LEFT JOIN traded AS t ON t.client_id = c.id
  LEFT JOIN paid_in AS p ON p.client_id = c.id
  LEFT JOIN funds AS f ON f.client_id = c.id
  WHERE c.tenant_id = :tenant_id /* who */
)
SELECT b.partner_id, count(*) FILTER (WHERE x.is_active) AS active_clients, round(sum(x.lots), 4) AS lots,
  round(sum(x.dollars), 2) AS usd_volume, round(sum(x.net), 2) AS net_deposits, round(max(o.deposits), 2) AS own_deposits
FROM below AS b
JOIN person AS x ON x.client_id = b.client_id
JOIN person AS o ON o.client_id = b.partner_id
GROUP BY b.partner_id
