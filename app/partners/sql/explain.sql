-- Everything that one line or reason was computed from: the trade, its numbers, the plan version, the journal.
SELECT t.id, t.symbol, t.symbol_class, t.side, t.volume_lots, t.contract_size, t.opened_at, t.closed_at, t.open_price,
  t.close_price, t.open_bid, t.open_ask, t.close_bid, t.close_ask, t.profit_currency, t.account_currency, t.profit,
  t.commission, t.markup_usd, t.reason AS trade_reason, t.closing_deal,
  t.opening_deal, s.client_id, s.plan_number, s.path_at, s.is_late, s.lots, s.spread, s.spread_source, s.base, s.revenue,
  s.multiply, s.divide, s.rate_source, s.rate_at, s.referral_rule, s.god_rule, s.business_date, c.name AS client_name,
  c.number AS client_number
FROM settled_trade AS s
JOIN closed_trade AS t ON t.tenant_id = s.tenant_id AND t.id = s.trade_id
JOIN client AS c ON c.tenant_id = s.tenant_id AND c.id = s.client_id
WHERE s.tenant_id = :tenant_id AND s.trade_id = :trade_id AND s.revision = :revision
