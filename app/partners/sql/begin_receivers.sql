-- Writes the rows that a change of the tree has brought.
INSERT INTO receiver (tenant_id, /* columns */)
SELECT :tenant_id, /* columns */ FROM receiver_change WHERE is_new
