-- The last batch of deals that has arrived.
SELECT coalesce(max(batch_no), 0) FROM closed_trade WHERE tenant_id = :tenant_id
