-- Which kinds of shares anybody gives of trades that were closed in this stretch of time.
SELECT DISTINCT kind FROM share_agreement
WHERE tenant_id = :tenant_id AND status = 'agreed' AND valid_from < :slice_to AND valid_to > :slice_from
