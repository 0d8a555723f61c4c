-- The currencies in which a brand's symbols gain and lose and its accounts are kept.
SELECT DISTINCT s.profit_currency AS code FROM symbol AS s WHERE s.tenant_id = :tenant_id
UNION
SELECT DISTINCT a.currency FROM trading_account AS a WHERE a.tenant_id = :tenant_id
