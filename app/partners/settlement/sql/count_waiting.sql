-- Trades that are not settled although their day is over: they wait for a spread or a rate.
SELECT count(*) FROM /* include candidates_scope */
