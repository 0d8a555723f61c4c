-- What a withdrawal undoes: from everybody who was paid for the client, as much of it as of what was owed.
INSERT INTO commission_award (
  tenant_id, partner_id, kind, source_key, component, business_date, track, client_id, level, plan_number, rate, base,
  amount, reason_text, detail, created_at
)
SELECT :tenant_id, p.partner_id, :kind, :rule || ':' || s.client_id || ':' || s.source_key || '.back', 'base',
  :business_date, 'award', s.client_id, p.level, :plan_number, NULL, s.amount,
  -divide_even(p.paid * -s.amount, CAST(s.detail ->> 'owed' AS numeric), 10), '',
  s.detail || jsonb_build_object(
    'rule', CAST(:rule AS text), 'step', CAST(trim_scale(s.amount) AS text), 'paid', CAST(trim_scale(p.paid) AS text)
  ),
  :now
FROM award_step AS s
JOIN (
  SELECT a.client_id, a.partner_id, max(a.level) AS level, sum(a.amount) AS paid
  FROM commission_award AS a
  WHERE a.tenant_id = :tenant_id AND a.kind = :kind AND a.detail ->> 'rule' = :rule AND a.business_date < :business_date
    AND a.client_id IN (
      SELECT n.client_id FROM award_step AS n
      WHERE n.tenant_id = :tenant_id AND n.rule = :rule AND n.business_date = :business_date AND n.amount < 0
    )
    AND NOT EXISTS (
      SELECT FROM commission_award_hold AS h
      WHERE h.tenant_id = a.tenant_id AND h.partner_id = a.partner_id AND h.kind = a.kind
        AND h.source_key = a.source_key AND h.outcome IS DISTINCT FROM 'cleared'
    )
  GROUP BY a.client_id, a.partner_id
) AS p ON p.client_id = s.client_id AND p.paid > 0
WHERE s.tenant_id = :tenant_id AND s.rule = :rule AND s.business_date = :business_date AND s.amount < 0 AND s.gates = '{}'
  AND divide_even(p.paid * -s.amount, CAST(s.detail ->> 'owed' AS numeric), 10) <> 0
ON CONFLICT DO NOTHING
