-- Database code of the ledger: the check that no entry stands unbalanced, and the two functions that post.

-- All postings of an entry arrive in one statement, so what this statement inserted is the whole entry.
CREATE FUNCTION posting_must_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_entry uuid;
BEGIN
  SELECT f.entry_id INTO v_entry
  FROM fresh AS f
  GROUP BY f.tenant_id, f.entry_id, f.currency
  HAVING sum(f.amount_minor) <> 0
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'journal entry % does not balance', v_entry USING ERRCODE = 'KL004';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER posting_balances AFTER INSERT ON posting
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION posting_must_balance();

-- Posts one entry. The caller sorts the lines by wallet id, so that every transaction takes wallet locks in one order.
-- Answers 'posted', 'again' (same key and content: the first entry) or 'other' (same key, other content: nothing done).
-- A wallet without a running balance is read, never locked.
CREATE FUNCTION ledger_post(
  p_tenant int, p_entry uuid, p_key text, p_hash bytea, p_kind text, p_memo text, p_business_date date,
  p_posted_at timestamptz, p_actor_kind text, p_actor_id uuid, p_actor_name text, p_reverses uuid,
  p_wallets uuid[], p_amounts bigint[], p_currencies text[],
  OUT entry_id uuid, OUT outcome text, OUT posted_at timestamptz
) LANGUAGE plpgsql AS $$
DECLARE
  v_count int := cardinality(p_wallets);
  v_seqs bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(p_wallets)]);
  v_afters bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(p_wallets)]);
  v_first int := 1;
  v_last int;
  v_net bigint;
  v_currency text;
  v_balance bigint;
  v_seq bigint;
  v_hash bytea;
BEGIN
  INSERT INTO journal_entry AS e (
    tenant_id, id, key, content_hash, kind, memo, business_date, posted_at, actor_kind, actor_id, actor_name, reverses_id
  ) VALUES (
    p_tenant, p_entry, p_key, p_hash, p_kind, p_memo, p_business_date, p_posted_at,
    p_actor_kind, p_actor_id, p_actor_name, p_reverses
  ) ON CONFLICT (tenant_id, key) DO NOTHING;
  IF NOT FOUND THEN
    SELECT e.id, e.content_hash, e.posted_at INTO entry_id, v_hash, posted_at
    FROM journal_entry AS e WHERE e.tenant_id = p_tenant AND e.key = p_key;
    outcome := CASE WHEN v_hash = p_hash THEN 'again' ELSE 'other' END;
    RETURN;
  END IF;

  WHILE v_first <= v_count LOOP
    v_last := v_first;
    v_net := p_amounts[v_first];
    WHILE v_last < v_count AND p_wallets[v_last + 1] = p_wallets[v_first] LOOP
      v_last := v_last + 1;
      v_net := v_net + p_amounts[v_last];
    END LOOP;
    UPDATE wallet AS w
    SET balance_minor = w.balance_minor + v_net, posting_count = w.posting_count + v_last - v_first + 1
    WHERE w.tenant_id = p_tenant AND w.id = p_wallets[v_first] AND w.keeps_balance
    RETURNING w.currency, w.balance_minor, w.posting_count INTO v_currency, v_balance, v_seq;
    IF FOUND THEN
      FOR i IN REVERSE v_last .. v_first LOOP
        v_afters[i] := v_balance;
        v_seqs[i] := v_seq;
        v_balance := v_balance - p_amounts[i];
        v_seq := v_seq - 1;
      END LOOP;
    ELSE
      SELECT w.currency INTO v_currency FROM wallet AS w WHERE w.tenant_id = p_tenant AND w.id = p_wallets[v_first];
      IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no wallet %', p_wallets[v_first] USING ERRCODE = 'KL002';
      END IF;
    END IF;
    FOR i IN v_first .. v_last LOOP
      IF p_currencies[i] <> v_currency THEN
        RAISE EXCEPTION 'wallet % holds %, not %', p_wallets[i], v_currency, p_currencies[i] USING ERRCODE = 'KL003';
      END IF;
    END LOOP;
    v_first := v_last + 1;
  END LOOP;

  INSERT INTO posting (tenant_id, entry_id, number, wallet_id, wallet_seq, currency, amount_minor, balance_after_minor)
  SELECT p_tenant, p_entry, l.number, l.wallet_id, l.seq, l.currency, l.amount, l.balance_after
  FROM unnest(p_wallets, v_seqs, p_currencies, p_amounts, v_afters)
    WITH ORDINALITY AS l (wallet_id, seq, currency, amount, balance_after, number);
  entry_id := p_entry;
  outcome := 'posted';
  posted_at := p_posted_at;
END $$;

-- Posts many entries with one statement per table. `p_line_entries` says which entry (from 1) each line belongs to;
-- entries apply in their order, and a wallet that would fall below its floor on the way refuses the whole call.
-- Answers the keys that were posted before with the same content; other content under a known key refuses the call.
CREATE FUNCTION ledger_post_batch(
  p_tenant int, p_entries uuid[], p_keys text[], p_hashes bytea[], p_kinds text[], p_memos text[], p_dates date[],
  p_posted_at timestamptz, p_actor_kind text, p_actor_id uuid, p_actor_name text,
  p_line_entries int[], p_line_numbers int[], p_wallets uuid[], p_amounts bigint[], p_currencies text[]
) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  v_inserted int;
  v_known text[] := '{}';
  v_known_ids uuid[] := '{}';
  v_other text;
  v_wallets int;
  v_bad record;
BEGIN
  INSERT INTO journal_entry (
    tenant_id, id, key, content_hash, kind, memo, business_date, posted_at, actor_kind, actor_id, actor_name
  )
  SELECT p_tenant, d.id, d.key, d.hash, d.kind, d.memo, d.on_date, p_posted_at, p_actor_kind, p_actor_id, p_actor_name
  FROM unnest(p_entries, p_keys, p_hashes, p_kinds, p_memos, p_dates) AS d (id, key, hash, kind, memo, on_date)
  ORDER BY d.key  -- Two batches that share keys meet them in one order.
  ON CONFLICT (tenant_id, key) DO NOTHING;
  GET DIAGNOSTICS v_inserted = ROW_COUNT;

  IF v_inserted < cardinality(p_entries) THEN
    SELECT array_agg(d.key), array_agg(d.id), min(d.key) FILTER (WHERE e.content_hash <> d.hash)
    INTO v_known, v_known_ids, v_other
    FROM unnest(p_entries, p_keys, p_hashes) AS d (id, key, hash)
    JOIN journal_entry AS e ON e.tenant_id = p_tenant AND e.key = d.key AND e.id <> d.id;
    IF v_other IS NOT NULL THEN
      RAISE EXCEPTION 'key % was used for another entry', v_other USING ERRCODE = 'KL005';
    END IF;
    IF v_inserted = 0 THEN
      RETURN v_known;
    END IF;
  END IF;

  PERFORM 1 FROM wallet AS w
  WHERE w.tenant_id = p_tenant AND w.id = ANY (p_wallets) AND w.keeps_balance
  ORDER BY w.id FOR NO KEY UPDATE;

  WITH line AS (
    SELECT
      p_entries[l.entry_no] AS entry_id, l.number, l.wallet_id, l.currency, l.amount, l.position, w.keeps_balance,
      w.currency AS wallet_currency, w.floor_minor,
      w.balance_minor + sum(l.amount) OVER by_wallet AS balance_after,
      w.posting_count + row_number() OVER by_wallet AS seq
    FROM unnest(p_line_entries, p_line_numbers, p_wallets, p_currencies, p_amounts)
      WITH ORDINALITY AS l (entry_no, number, wallet_id, currency, amount, position)
    LEFT JOIN wallet AS w ON w.tenant_id = p_tenant AND w.id = l.wallet_id
    WHERE v_known_ids = '{}' OR NOT p_entries[l.entry_no] = ANY (v_known_ids)
    WINDOW by_wallet AS (PARTITION BY l.wallet_id ORDER BY l.position)
  ), booked AS (
    INSERT INTO posting (tenant_id, entry_id, number, wallet_id, wallet_seq, currency, amount_minor, balance_after_minor)
    SELECT
      p_tenant, l.entry_id, l.number, l.wallet_id, CASE WHEN l.keeps_balance THEN l.seq END, l.currency, l.amount,
      CASE WHEN l.keeps_balance THEN l.balance_after END
    FROM line AS l
    ORDER BY l.position
  ), moved AS (
    UPDATE wallet AS w SET balance_minor = w.balance_minor + n.net, posting_count = w.posting_count + n.lines
    FROM (
      SELECT l.wallet_id, sum(l.amount)::bigint AS net, count(*) AS lines FROM line AS l WHERE l.keeps_balance
      GROUP BY l.wallet_id
    ) AS n
    WHERE w.tenant_id = p_tenant AND w.id = n.wallet_id
  )
  SELECT l.wallet_id, l.wallet_currency, l.currency INTO v_bad
  FROM line AS l
  WHERE l.wallet_currency IS DISTINCT FROM l.currency OR (l.keeps_balance AND l.balance_after < l.floor_minor)
  LIMIT 1;
  IF FOUND THEN
    IF v_bad.wallet_currency IS NULL THEN
      RAISE EXCEPTION 'there is no wallet %', v_bad.wallet_id USING ERRCODE = 'KL002';
    ELSIF v_bad.wallet_currency <> v_bad.currency THEN
      RAISE EXCEPTION 'wallet % holds %, not %', v_bad.wallet_id, v_bad.wallet_currency, v_bad.currency USING ERRCODE = 'KL003';
    END IF;
    RAISE EXCEPTION 'wallet % would fall below its floor', v_bad.wallet_id USING ERRCODE = 'KL001';
  END IF;
  RETURN v_known;
END $$;
