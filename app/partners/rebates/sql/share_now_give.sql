  SELECT c.trade_id, c.revision, c.track, c.partner_id AS giver_id, c.distance, c.amount AS line_amount, p.kind,
    p.id AS agreement_id, p.receiver_id, p.share, false AS is_general, p.track = '' AS is_for_every_track
  FROM candidate AS c
  JOIN trade_now AS t ON t.trade_id = c.trade_id
  JOIN share_agreement AS p
    ON p.tenant_id = :tenant_id AND p.kind = 'give' AND p.status = 'agreed' AND p.giver_id = c.partner_id
    AND p.valid_from <= t.closed_at AND p.valid_to > t.closed_at AND p.track IN ('', c.track)
  JOIN (  -- Who stood on each trader's path, from when to when, and below whom.
    WITH RECURSIVE up AS (
      SELECT l.child_id AS client_id, l.child_id AS person_id, l.parent_id, 0 AS distance, l.valid_from, l.valid_to
      FROM partner_link AS l
      WHERE l.tenant_id = :tenant_id AND l.valid_from < l.valid_to AND l.child_id IN (
        SELECT n.client_id FROM candidate AS m
        JOIN trade_now AS n ON n.trade_id = m.trade_id
        JOIN share_agreement AS q
          ON q.tenant_id = :tenant_id AND q.kind = 'give' AND q.status = 'agreed' AND q.giver_id = m.partner_id
        WHERE m.reason IS NULL
      )
      UNION ALL
      SELECT up.client_id, l.child_id, l.parent_id, up.distance + 1, greatest(up.valid_from, l.valid_from),
        least(up.valid_to, l.valid_to)
      FROM up
      JOIN partner_link AS l
        ON l.tenant_id = :tenant_id AND l.child_id = up.parent_id
        AND l.valid_from < up.valid_to AND l.valid_to > up.valid_from AND l.valid_from < l.valid_to
      WHERE up.distance < :length_max
    )
    SELECT * FROM up WHERE distance > 0
  ) AS b
    ON b.client_id = t.client_id AND b.person_id = p.receiver_id AND b.parent_id = p.giver_id
    AND b.distance = c.distance - 1 AND b.valid_from <= t.path_at AND b.valid_to > t.path_at
  LEFT JOIN run_gate AS g
    ON g.tenant_id = :tenant_id AND g.business_date = :business_date AND g.plan_number = :plan_number
    AND g.client_id = p.receiver_id AND g.partner_gates <> '{}'
  WHERE c.reason IS NULL AND g.client_id IS NULL AND NOT t.is_country_denied
