-- Writes what `derive_receivers` finds into a table of receivers, and says how many rows those are and whether a path
-- is longer than the longest that is walked.
WITH written AS (
INSERT INTO /* table */ (/* keys */, /* columns */)
SELECT /* values */, derived.* FROM (
/* derived */
) AS derived
RETURNING client_id, distance
)
SELECT count(*) AS number, (SELECT client_id FROM written WHERE distance > :length_max LIMIT 1) AS cut
FROM written
