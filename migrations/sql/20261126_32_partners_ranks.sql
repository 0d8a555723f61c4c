-- The rate of the band in which a month's total lies. A band includes its upper bound; the last one has none (NULL).
CREATE FUNCTION tier_rate(upto numeric[], rates numeric[], total numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT b.rate FROM unnest(upto, rates) WITH ORDINALITY AS b (upto, rate, place)
  WHERE b.upto IS NULL OR total <= b.upto ORDER BY b.place LIMIT 1
$$;

-- What so many lots give, each at its own band, when the month stands at `stood_at` before them. Exact.
CREATE FUNCTION tier_amount(upto numeric[], rates numeric[], stood_at numeric, lots numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(sum(b.rate * greatest(0, least(coalesce(b.upto, stood_at + lots), stood_at + lots)
    - greatest(b.above, stood_at))), 0)
  FROM (
    SELECT t.upto, t.rate, coalesce(lag(t.upto) OVER (ORDER BY t.place), 0) AS above
    FROM unnest(upto, rates) WITH ORDINALITY AS t (upto, rate, place)
  ) AS b
$$;
