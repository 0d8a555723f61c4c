-- What was traded, as far as rules look at it.
SELECT DISTINCT t.symbol, t.symbol_class, a.group_name, /* more */'' AS more
FROM (
  SELECT t.tenant_id, t.symbol, t.symbol_class, t.account_id, t.client_id, t.platform_id, t.account_currency, t.closed_at
  FROM /* include candidates_scope */
) AS t
JOIN trading_account AS a ON a.tenant_id = t.tenant_id AND a.id = t.account_id
JOIN trading_platform AS pl ON pl.tenant_id = t.tenant_id AND pl.id = t.platform_id
/* match_joins */
