-- How much has been held since a day or longer.
SELECT
  (SELECT count(*) FROM commission_hold AS h
   WHERE h.tenant_id = :tenant_id AND h.outcome IS NULL AND h.held_on <= :since)
  + (SELECT count(*) FROM commission_award_hold AS w
     WHERE w.tenant_id = :tenant_id AND w.outcome IS NULL AND w.held_on <= :since)
