  SELECT c.trade_id, c.revision, c.track, c.partner_id AS giver_id, c.distance, c.amount AS line_amount, p.kind,
    p.id AS agreement_id, p.receiver_id, p.share, false AS is_general, p.track = '' AS is_for_every_track
  FROM candidate AS c
  JOIN trade_now AS t ON t.trade_id = c.trade_id
  JOIN share_agreement AS p
    ON p.tenant_id = :tenant_id AND p.kind = 'take' AND p.status = 'agreed' AND p.giver_id = c.partner_id
    AND p.valid_from <= t.closed_at AND p.valid_to > t.closed_at AND p.track IN ('', c.track)
  JOIN partner_link AS k
    ON k.tenant_id = :tenant_id AND k.child_id = p.giver_id AND k.parent_id = p.receiver_id
    AND k.valid_from <= t.path_at AND k.valid_to > t.path_at
  LEFT JOIN run_gate AS g
    ON g.tenant_id = :tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
    AND g.client_id = p.receiver_id AND g.partner_gates <> '{}'
  WHERE c.reason IS NULL AND g.client_id IS NULL AND NOT t.is_country_denied
