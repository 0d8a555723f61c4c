INSERT INTO run_link (tenant_id, business_date, client_id, partner_id, cluster, confidence, kinds)
VALUES (:tenant_id, :business_date, :client_id, :partner_id, :cluster, :confidence, :kinds)
ON CONFLICT DO NOTHING
