-- Everybody who ever stood above somebody.
SELECT DISTINCT k.parent_id FROM partner_link AS k WHERE k.tenant_id = :tenant_id AND k.valid_from < k.valid_to
