-- All that a line or a reason came from, as it stands now. People are named by their ids and numbers.
SELECT jsonb_build_object(
  'line', (
    SELECT to_jsonb(l) FROM commission_line AS l
    WHERE l.tenant_id = :tenant_id AND l.partner_id = :partner_id AND l.trade_id = :trade_id AND l.revision = :revision
      AND l.track = :track AND l.component = :component
  ),
  'reason', (
    SELECT to_jsonb(r) FROM commission_reason AS r
    WHERE r.tenant_id = :tenant_id AND r.partner_id = :partner_id AND r.trade_id = :trade_id AND r.revision = :revision
      AND r.track = :track
  ),
  'siblings', (  -- What else this partner got, or not, for the same trade.
    SELECT coalesce(jsonb_agg(to_jsonb(l) ORDER BY l.revision, l.track, l.component), '[]') FROM commission_line AS l
    WHERE l.tenant_id = :tenant_id AND l.partner_id = :partner_id AND l.trade_id = :trade_id
  ),
  'trade', to_jsonb(t),
  'settled', to_jsonb(s),
  'client', jsonb_build_object('id', c.id, 'number', c.number, 'kyc_level', c.kyc_level, 'status', c.status),
  'deals', (
    SELECT coalesce(jsonb_agg(to_jsonb(d) ORDER BY d.at, d.ticket), '[]') FROM deal AS d
    WHERE d.tenant_id = :tenant_id AND d.platform_id = t.platform_id AND d.ticket IN (t.opening_deal, t.closing_deal)
  ),
  'path', (
    SELECT coalesce(jsonb_agg(
      jsonb_build_object('distance', p.distance, 'partner_id', p.parent_id, 'link_id', p.link_id, 'number', k.number)
      ORDER BY p.distance
    ), '[]')
    FROM (/* include path */) AS p
    JOIN client AS k ON k.tenant_id = :tenant_id AND k.id = p.parent_id
  ),
  'receivers', (
    SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.track, r.distance), '[]') FROM receiver AS r
    WHERE r.tenant_id = :tenant_id AND r.client_id = s.client_id AND r.valid_from <= s.path_at AND r.valid_to > s.path_at
  ),
  'plan', (
    SELECT to_jsonb(v) FROM plan_version AS v WHERE v.tenant_id = :tenant_id AND v.number = s.plan_number
  ),
  'rule', (
    SELECT jsonb_agg(to_jsonb(u)) FROM run_rule AS u
    WHERE u.tenant_id = :tenant_id AND u.business_date = s.business_date AND u.plan_number = s.plan_number
      AND u.symbol = t.symbol AND u.symbol_class = t.symbol_class
  ),
  'terms', (
    SELECT jsonb_agg(to_jsonb(m) ORDER BY m.rule, m.level) FROM run_term AS m
    WHERE m.tenant_id = :tenant_id AND m.business_date = s.business_date AND m.plan_number = s.plan_number
      AND m.track = :track
  ),
  'quotes', (
    SELECT jsonb_agg(to_jsonb(q) ORDER BY q.currency, q.plan_currency, q.on_date) FROM run_quote AS q
    WHERE q.tenant_id = :tenant_id AND q.business_date = s.business_date
      AND q.currency IN (t.profit_currency, t.account_currency)
  ),
  'gates', (
    SELECT jsonb_agg(to_jsonb(g)) FROM run_gate AS g
    WHERE g.tenant_id = :tenant_id AND g.business_date = s.business_date AND g.plan_number = s.plan_number
      AND g.client_id IN (s.client_id, :partner_id)
  ),
  'verdict', (
    SELECT to_jsonb(v) FROM trade_verdict AS v WHERE v.tenant_id = :tenant_id AND v.trade_id = :trade_id
  ),
  'holds', (
    SELECT jsonb_agg(to_jsonb(h)) FROM commission_hold AS h
    WHERE h.tenant_id = :tenant_id AND h.partner_id = :partner_id AND h.trade_id = :trade_id
  ),
  'run', (
    SELECT to_jsonb(n) FROM settlement_run AS n WHERE n.tenant_id = :tenant_id AND n.business_date = :business_date
  ),
  'batches', (
    SELECT jsonb_agg(to_jsonb(b) ORDER BY b.track, b.sequence) FROM commission_batch AS b
    WHERE b.tenant_id = :tenant_id AND b.partner_id = :partner_id AND b.business_date = :business_date
  ),
  'journals', (/* include journals */),
  'statement', (
    SELECT jsonb_agg(to_jsonb(e)) FROM commission_statement AS e
    WHERE e.tenant_id = :tenant_id AND e.partner_id = :partner_id AND e.business_date = :business_date
  )
) AS document
FROM settled_trade AS s
JOIN closed_trade AS t ON t.tenant_id = s.tenant_id AND t.id = s.trade_id
JOIN client AS c ON c.tenant_id = s.tenant_id AND c.id = s.client_id
WHERE s.tenant_id = :tenant_id AND s.trade_id = :trade_id AND s.revision = :revision
