-- The currencies and days for which a rate is needed.
SELECT DISTINCT n.currency, CAST(n.at AT TIME ZONE 'UTC' AS date) AS on_date FROM (/* include money_new */) AS n
