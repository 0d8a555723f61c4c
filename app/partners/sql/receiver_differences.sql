-- Rows that stand at some instant in the table or in a fresh derivation, but not in both. Pieces that touch are joined
-- first (range_agg), because a change that came to nothing leaves a cut behind.
WITH derived AS (
/* derived */
), fresh AS (
  SELECT client_id, track, distance, level, beneficiary_id, rate, pool_rate, reaching, passed,
    range_agg(tstzrange(valid_from, valid_to)) AS valid
  FROM derived GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
), standing AS (
  SELECT client_id, track, distance, level, beneficiary_id, rate, pool_rate, reaching, passed,
    range_agg(tstzrange(valid_from, valid_to)) AS valid
  FROM receiver WHERE tenant_id = :tenant_id GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
)
SELECT count(*) FROM (
  (TABLE fresh EXCEPT TABLE standing) UNION ALL (TABLE standing EXCEPT TABLE fresh)
) AS different
