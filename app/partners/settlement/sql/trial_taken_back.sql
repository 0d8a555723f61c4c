-- What a tried day would take back.
SELECT coalesce(sum(v.amount), 0) FROM (/* include due_reversals */) AS v
