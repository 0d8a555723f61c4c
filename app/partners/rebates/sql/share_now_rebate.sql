  SELECT c.trade_id, c.revision, c.track, c.partner_id AS giver_id, c.distance, c.amount AS line_amount, p.kind,
    p.id AS agreement_id, t.client_id AS receiver_id, p.share, p.receiver_id IS NULL AS is_general,
    p.track = '' AS is_for_every_track
  FROM candidate AS c
  JOIN trade_now AS t ON t.trade_id = c.trade_id
  JOIN share_agreement AS p
    ON p.tenant_id = :tenant_id AND p.kind = 'rebate' AND p.status = 'agreed' AND p.giver_id = c.partner_id
    AND (p.receiver_id = t.client_id OR (p.receiver_id IS NULL AND c.distance = 1))
    AND p.valid_from <= t.closed_at AND p.valid_to > t.closed_at AND p.track IN ('', c.track)
  WHERE c.reason IS NULL
