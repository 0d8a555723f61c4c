CASE WHEN p.gates IS NULL THEN /* own */ ELSE (
  SELECT array_agg(o.code ORDER BY o.place)
  FROM unnest(CAST(:gate_order AS text[])) WITH ORDINALITY AS o (code, place)
  WHERE o.code = ANY (p.gates || /* own */)
) END
