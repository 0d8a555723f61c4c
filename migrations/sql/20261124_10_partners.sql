-- Rounding of commission, the same as in the plain reference. PostgreSQL's own round() is never half-even.

-- Half-even to `places` decimals. Written so that the planner can put it into the query that calls it.
CREATE FUNCTION round_even(x numeric, places int) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN scale(x) <= places THEN x
    WHEN abs(x - trunc(x, places)) * 2 * power(10::numeric, places) <> 1 THEN round(x, places)
    WHEN mod(trunc(x, places) * power(10::numeric, places), 2) = 0 THEN trunc(x, places)
    ELSE round(x, places)
  END
$$;

-- The quotient, half-even. No digit is lost before the tie is looked at: numeric division alone would cut it first.
CREATE FUNCTION divide_even(dividend numeric, divisor numeric, places int) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  v_scaled numeric := dividend * power(10::numeric, places);
  v_units numeric;
  v_rest numeric;
BEGIN
  IF divisor = 1 THEN
    RETURN round_even(dividend, places);
  END IF;
  v_units := div(v_scaled, divisor);
  v_rest := 2 * abs(v_scaled - v_units * divisor);
  IF v_rest > abs(divisor) OR (v_rest = abs(divisor) AND mod(v_units, 2) <> 0) THEN
    v_units := v_units + sign(dividend) * sign(divisor);
  END IF;
  RETURN v_units * power(10::numeric, -places);
END $$;

-- The quotient, towards zero: parts of a cap must never add up to more than the cap.
CREATE FUNCTION divide_down(dividend numeric, divisor numeric, places int) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
  SELECT div(dividend * power(10::numeric, places), divisor) * power(10::numeric, -places)
$$;

-- A level's amount where each level is a share of the one below: every step is rounded.
CREATE FUNCTION chain_shares(base numeric, shares numeric[]) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  v_amount numeric := base;
  v_share numeric;
BEGIN
  FOREACH v_share IN ARRAY shares LOOP
    v_amount := round_even(v_amount * v_share, 10);
  END LOOP;
  RETURN v_amount;
END $$;

-- Whole minor units in a plan's rounding mode.
CREATE FUNCTION round_as(x numeric, places int, mode text) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE mode WHEN 'half_even' THEN round_even(x, places) WHEN 'down' THEN trunc(x, places) ELSE round(x, places) END
$$;

-- The spread that a rule's basis means; NULL where it is unknown.
CREATE FUNCTION spread_between(basis text, at_open numeric, at_close numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE basis WHEN 'open' THEN at_open WHEN 'close' THEN at_close ELSE (at_open + at_close) * 0.5 END
$$;
