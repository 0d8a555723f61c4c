-- The spread that a rule's basis means, with the usual spread and the average of late; NULL where it is unknown.
CREATE FUNCTION spread_on(basis text, at_open numeric, at_close numeric, average numeric, typical numeric)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE basis
    WHEN 'open' THEN at_open
    WHEN 'close' THEN at_close
    WHEN 'half_half' THEN (at_open + at_close) * 0.5
    WHEN 'typical' THEN typical
    ELSE CASE WHEN at_open < average THEN at_open WHEN at_open IS NOT NULL THEN average END
  END
$$;

-- One amount under limits of several periods at once: [1] what is allowed, [2] which limit took most away (0: none), then
-- what is used of each period, then the periods themselves. `used_before` counts where a period begins.
CREATE FUNCTION cap_in_periods_step(
  state numeric[], amount numeric, periods int[], used_before numeric[], limits numeric[]
) RETURNS numeric[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  v_allowed numeric := amount;
  v_bound int := 0;
  v_used numeric[] := used_before;
  v_count int := cardinality(periods);
BEGIN
  FOR n IN 1 .. v_count LOOP
    IF state IS NOT NULL AND state[2 + v_count + n] = periods[n] THEN
      v_used[n] := state[2 + n];
    END IF;
    IF limits[n] - v_used[n] < v_allowed THEN
      v_allowed := greatest(0, limits[n] - v_used[n]);
      v_bound := n;
    END IF;
  END LOOP;
  FOR n IN 1 .. v_count LOOP
    v_used[n] := v_used[n] + v_allowed;
  END LOOP;
  RETURN ARRAY[v_allowed, v_bound] || v_used || periods::numeric[];
END $$;

CREATE AGGREGATE cap_in_periods(amount numeric, periods int[], used_before numeric[], limits numeric[]) (
  SFUNC = cap_in_periods_step, STYPE = numeric[]
);

-- The first days of the day, the week and the month in which a settlement day lies, as days since 2000. Weeks begin with
-- the weekday `week_starts`, 1 being Monday.
CREATE FUNCTION period_begins(day date, week_starts int) RETURNS int[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ARRAY[
    day - DATE '2000-01-01',
    day - (CAST(extract(isodow FROM day) AS int) - week_starts + 7) % 7 - DATE '2000-01-01',
    CAST(date_trunc('month', CAST(day AS timestamp)) AS date) - DATE '2000-01-01'
  ]
$$;
