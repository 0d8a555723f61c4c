CASE
  WHEN t.opened_at IS NULL OR t.reason = ANY (CAST(:exempt_from_hold AS text[]))
    OR a.group_name = ANY (CAST(:exempt_hold_groups AS text[])) THEN 1
  ELSE coalesce((
    SELECT band.share
    FROM unnest(CAST(:band_from AS interval[]), CAST(:band_share AS numeric[])) AS band (begins, share)
    WHERE t.closed_at - t.opened_at >= band.begins
    ORDER BY band.begins DESC LIMIT 1
  ), 0)
END
