-- Kept as the database wrote it, with every digit, under the hash of its text.
INSERT INTO commission_dispute_evidence (tenant_id, dispute_id, document, digest, made_at)
SELECT :tenant_id, :dispute_id, e.document, encode(sha256(convert_to(CAST(e.document AS text), 'UTF8')), 'hex'), :now
FROM (/* include evidence */) AS e
