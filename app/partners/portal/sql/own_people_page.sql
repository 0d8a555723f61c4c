/* include own_people */
ORDER BY f.since DESC, f.number DESC
LIMIT :limit OFFSET :offset
