-- What went into a run and what came out of it, by currency: lines with their carry on one side, journals on the other.
SELECT b.currency, sum(b.lines) AS lines, sum(coalesce(b.converted, b.lines)) AS settled,
  sum(b.carry_in) FILTER (WHERE b.is_first) AS carry_in,
  sum(b.carry_in) FILTER (WHERE b.is_first) - sum(b.carry_in - b.carry_out) AS carry_out,
  CAST(sum(b.posted_minor) AS bigint) AS posted_minor,
  CAST(coalesce(sum(b.posted_minor) FILTER (WHERE b.purpose = 'clawback'), 0) AS bigint) AS taken_back_minor,
  CAST((
    SELECT coalesce(sum(s.posted_minor), 0) FROM commission_statement AS s
    WHERE s.tenant_id = :tenant_id AND s.business_date = :business_date AND s.currency = b.currency
  ) AS bigint) AS stated_minor
FROM (
  SELECT k.*, k.sequence = min(k.sequence) OVER (PARTITION BY k.partner_id, k.track, k.currency) AS is_first
  FROM commission_batch AS k
  WHERE k.tenant_id = :tenant_id AND k.business_date = :business_date
) AS b
GROUP BY b.currency
ORDER BY b.currency
