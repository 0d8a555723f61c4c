-- A partner's awards, the newest first.
SELECT l.* FROM (/* include list */) AS l
WHERE (CAST(:day_from AS date) IS NULL OR l.business_date >= :day_from)
  AND (CAST(:day_to AS date) IS NULL OR l.business_date <= :day_to)
ORDER BY l.business_date DESC, l.source_key, l.component
LIMIT :limit OFFSET :offset
