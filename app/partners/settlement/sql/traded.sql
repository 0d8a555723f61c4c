-- What was traded, as far as rules look at it.
SELECT DISTINCT s.symbol, s.symbol_class, a.group_name
FROM (SELECT t.tenant_id, t.symbol, t.symbol_class, t.account_id FROM /* include candidates_scope */) AS s
JOIN trading_account AS a ON a.tenant_id = s.tenant_id AND a.id = s.account_id
