-- Whether the closed trades of a statement belong to accounts and clients that are there: once for all of its rows.
CREATE FUNCTION closed_trades_have_owners() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM (SELECT DISTINCT tenant_id, account_id, client_id FROM written) AS w
    WHERE NOT EXISTS (SELECT FROM trading_account AS a WHERE a.tenant_id = w.tenant_id AND a.id = w.account_id)
      OR NOT EXISTS (SELECT FROM client AS c WHERE c.tenant_id = w.tenant_id AND c.id = w.client_id)
  ) THEN
    RAISE foreign_key_violation USING MESSAGE = 'A closed trade names an account or a client that does not exist.',
      TABLE = 'closed_trade';
  END IF;
  RETURN NULL;
END;
$$;

CREATE TRIGGER closed_trade_inserted AFTER INSERT ON closed_trade
  REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION closed_trades_have_owners();

CREATE TRIGGER closed_trade_updated AFTER UPDATE ON closed_trade
  REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION closed_trades_have_owners();
