-- What the trader gets is gone from the cap on the whole trade; the partners share what is left of it.
UPDATE trade_now AS t SET limit_amount = t.limit_amount - c.amount
FROM cashback_now AS c
WHERE c.trade_id = t.trade_id AND c.reason IS NULL
