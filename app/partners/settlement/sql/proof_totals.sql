-- What the proof compared, for the run's page: money of the day, and money under audit against the books.
SELECT
  (SELECT coalesce(sum(b.posted_minor), 0) FROM commission_batch AS b
   WHERE b.tenant_id = :tenant_id AND b.business_date = :business_date AND b.currency = :currency) AS posted_minor,
  (SELECT coalesce(sum(s.posted_minor), 0) FROM commission_statement AS s
   WHERE s.tenant_id = :tenant_id AND s.business_date = :business_date AND s.currency = :currency) AS stated_minor,
  (SELECT count(*) FROM commission_statement AS s
   WHERE s.tenant_id = :tenant_id AND s.business_date = :business_date) AS statements,
  (SELECT coalesce(sum(b.posted_minor - b.taken_back_minor), 0) FROM commission_batch AS b
   WHERE b.tenant_id = :tenant_id AND b.currency = :currency AND b.status = 'posted' AND b.purpose = 'settle') AS audit_minor,
  (SELECT coalesce(sum(w.balance_minor), 0) FROM wallet AS w
   WHERE w.tenant_id = :tenant_id AND w.owner_kind = 'partner' AND w.purpose = 'temporary' AND w.currency = :currency)
    AS temporary_minor
