/* Both sides of what is shared of the lines that this day pays. What one line gives away is summed up, so that it is
   never rounded to more than the line. */
SELECT s.giver_id AS partner_id, s.track, -sum(s.amount) AS amount
FROM (/* include shares_of_day */) AS s
GROUP BY s.giver_id, s.trade_id, s.revision, s.track
UNION ALL
SELECT s.receiver_id, s.received_track, s.amount
FROM (/* include shares_of_day */) AS s
