-- When it changed how far a client was verified, and whether a client was active, from an instant on; each with what held
-- before. It is read from the record of who did what, because the client's row says only what holds now.
CREATE TEMPORARY TABLE standing_change ON COMMIT DROP AS
SELECT a.client_id, a.at, a.before ->> 'status' AS status, CAST(a.before ->> 'kyc_level' AS int) AS kyc_level
FROM audit_record AS a
WHERE a.tenant_id = :tenant_id AND a.at > :since
  AND a.action IN ('clients.suspend', 'clients.activate', 'clients.kyc.set') AND a.client_id IS NOT NULL
