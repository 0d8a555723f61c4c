-- The currencies whose rate some trade needs, and the day it needs it of.
SELECT DISTINCT t.profit_currency, t.account_currency,
  coalesce(CAST(:rate_date AS date), CAST(t.closed_at AT TIME ZONE 'UTC' AS date)) AS on_date
FROM /* include candidates_scope */
