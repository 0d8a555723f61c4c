-- The agreement of each kind that fits a line of this slice best: a named receiver before all own clients, a named track
-- before every track.
CREATE TEMPORARY TABLE share_now ON COMMIT DROP AS
SELECT DISTINCT ON (f.trade_id, f.track, f.giver_id, f.kind) f.*
FROM (
/* kinds */
) AS f
ORDER BY f.trade_id, f.track, f.giver_id, f.kind, f.is_general, f.is_for_every_track
