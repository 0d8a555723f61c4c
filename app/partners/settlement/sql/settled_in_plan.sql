SELECT y.*, y.lines AS settled, CAST(:currency AS text) AS currency, CAST(:places AS int) AS places,
  CAST(:rebate_min AS numeric) AS least, CAST(NULL AS numeric) AS converted, CAST(NULL AS numeric) AS multiply,
  CAST(NULL AS numeric) AS divide, CAST(NULL AS text) AS source, CAST(NULL AS timestamptz) AS quoted_at
FROM (/* include sums_of_day */) AS y
