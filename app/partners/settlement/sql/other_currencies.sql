-- The currencies other than the plan's in which a run has batches.
SELECT DISTINCT currency FROM commission_batch
WHERE tenant_id = :tenant_id AND business_date = :business_date AND currency <> :currency
ORDER BY currency
