-- Rows of these clients that a derivation from :from_at on no longer finds (`is_new` false, as they stand), and rows that
-- it finds and that do not stand yet. What goes on as it was is neither: a structure that moves keeps its own levels.
CREATE TEMPORARY TABLE receiver_change ON COMMIT DROP AS
SELECT standing.client_id IS NULL AS is_new, coalesce(standing.client_id, derived.client_id) AS client_id,
  coalesce(standing.began, derived.valid_from) AS valid_from, coalesce(standing.valid_to, derived.valid_to) AS valid_to,
  coalesce(standing.track, derived.track) AS track, coalesce(standing.distance, derived.distance) AS distance,
  derived.level, derived.beneficiary_id, derived.rate, derived.pool_rate, derived.reaching, derived.passed
FROM (
/* derived */
) AS derived
FULL JOIN (
  SELECT r.client_id, r.valid_from AS began, greatest(r.valid_from, :from_at) AS valid_from, r.valid_to, r.track,
    r.distance, r.level, r.beneficiary_id, r.rate, r.pool_rate, r.reaching, r.passed
  FROM receiver AS r
  WHERE r.tenant_id = :tenant_id AND r.client_id = ANY (CAST(:clients AS uuid[])) AND r.valid_to > :from_at
) AS standing
  ON standing.client_id = derived.client_id AND standing.track = derived.track AND standing.distance = derived.distance
  AND standing.valid_from = derived.valid_from AND standing.valid_to = derived.valid_to AND standing.level = derived.level
  AND standing.beneficiary_id = derived.beneficiary_id AND coalesce(standing.rate, -1) = coalesce(derived.rate, -1)
  AND coalesce(standing.pool_rate, -1) = coalesce(derived.pool_rate, -1)
  AND coalesce(standing.reaching, -1) = coalesce(derived.reaching, -1) AND coalesce(standing.passed, -1) = coalesce(derived.passed, -1)
WHERE standing.client_id IS NULL OR derived.client_id IS NULL
