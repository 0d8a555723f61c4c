-- The part of `total` that falls on `part` of `whole`, after `done` of it. Each is rounded half-even as the difference of two running
-- sums, so that all parts sum to the total. The same as rules._part.
CREATE FUNCTION leg_share(total numeric, whole numeric, done numeric, part numeric, places bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN total = 0 THEN 0
    WHEN done = 0 AND part = whole THEN total
    ELSE (CASE WHEN done + part = whole THEN total ELSE divide_even(total * (done + part), whole, CAST(places AS int)) END)
      - (CASE WHEN done = 0 THEN 0 ELSE divide_even(total * done, whole, CAST(places AS int)) END)
  END
$$;
