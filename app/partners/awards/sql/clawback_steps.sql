-- After a chargeback nothing is owed for the client any more, so that what they really paid in counts anew.
INSERT INTO award_step (tenant_id, client_id, rule, source_key, business_date, path_at, amount, gates, detail)
SELECT :tenant_id, :client_id, s.rule, 'clawback ' || CAST(:clawback_id AS text), :business_date, :last_instant,
  -sum(s.amount), ARRAY['CLAWBACK'], '{}'
FROM award_step AS s
WHERE s.tenant_id = :tenant_id AND s.client_id = :client_id AND s.window_to IS NULL
GROUP BY s.rule
HAVING sum(s.amount) > 0
ON CONFLICT DO NOTHING
