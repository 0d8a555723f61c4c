-- Every partner with a period that ended: what it pays, or the first reason against it.
CREATE TEMPORARY TABLE award_candidate ON COMMIT DROP AS
SELECT c.*,
  CASE WHEN :is_held THEN CASE WHEN c.amount = 0 THEN 'ZERO_AMOUNT' END
    ELSE coalesce(c.partner_gates[1], CASE WHEN c.amount = 0 THEN 'ZERO_AMOUNT' END) END AS reason
FROM (
  SELECT CAST(NULL AS uuid) AS client_id, CAST(:rule AS text) || ':' || p.period_start AS source_key, p.partner_id,
    0 AS distance, 0 AS level, :last_instant AS path_at, greatest(p.net, 0) AS base, greatest(p.net, 0) AS step,
    CAST(:share AS numeric) AS rate, '{}'::text[] AS event_gates,
    least(CAST(:max_per_event AS numeric), round_even(greatest(p.net, 0) * :share * :weight, 10)) AS amount,
    coalesce(g.partner_gates, '{}') AS partner_gates,
    jsonb_build_object(
      'period_start', p.period_start, 'period_end', p.business_date, 'share', CAST(trim_scale(:share) AS text),
      'revenue', CAST(trim_scale(p.revenue) AS text), 'swap_markup', CAST(trim_scale(p.swap_markup) AS text),
      'bonus_cost', CAST(trim_scale(p.bonus_cost) AS text), 'psp_cost', CAST(trim_scale(p.psp_cost) AS text),
      'chargebacks', CAST(trim_scale(p.chargebacks) AS text), 'carry_in', CAST(trim_scale(p.carry_in) AS text),
      'net', CAST(trim_scale(p.net) AS text), 'carry_out', CAST(trim_scale(p.carry_out) AS text)
    ) AS detail
  FROM award_period AS p
  LEFT JOIN run_gate AS g
    ON g.tenant_id = :tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
    AND g.client_id = p.partner_id
  WHERE p.tenant_id = :tenant_id AND p.rule = :rule AND p.business_date = :business_date
) AS c
