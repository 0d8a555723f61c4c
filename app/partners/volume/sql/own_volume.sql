CROSS JOIN (  -- Every trade counts with its own lots.
  SELECT CAST(NULL AS numeric) AS lots, CAST(NULL AS numeric) AS lots_netted, CAST(NULL AS numeric) AS credit_factor,
    false AS is_whole, CAST(NULL AS numeric) AS open_spread, CAST(NULL AS numeric) AS commission,
    CAST(NULL AS numeric) AS profit, CAST(NULL AS numeric) AS markup_usd, false AS is_in_parts, false AS is_not_final,
    false AS is_close_by_netted, false AS is_equity_unknown, false AS is_below_zero
) AS vo
