-- The document as text, because a number that passes through JSON's own would lose digits; and whether it is untouched.
SELECT CAST(document AS text) AS document, digest, made_at,
  digest = encode(sha256(convert_to(CAST(document AS text), 'UTF8')), 'hex') AS is_whole
FROM commission_dispute_evidence
WHERE tenant_id = :tenant_id AND dispute_id = :dispute_id
