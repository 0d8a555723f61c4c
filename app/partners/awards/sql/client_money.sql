/* Each client's money up to this day, from their first sponsor on: what came before nobody has brought. */
SELECT m.client_id, sum(m.amount) AS net, min(m.at) FILTER (WHERE m.amount > 0) AS first_at,
  max(m.at) FILTER (WHERE m.business_date = :business_date) AS moved_at
FROM award_money AS m
JOIN (
  SELECT k.child_id, min(k.valid_from) AS since FROM partner_link AS k
  WHERE k.tenant_id = :tenant_id AND k.valid_from < k.valid_to GROUP BY k.child_id
) AS b ON b.child_id = m.client_id AND m.at >= b.since
WHERE m.tenant_id = :tenant_id AND m.plan_currency = :plan_currency AND m.business_date <= :business_date
GROUP BY m.client_id
