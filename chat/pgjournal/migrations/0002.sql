-- A store may lose what it has recorded: by the promotion of a standby that lacks it, or by an older backup. Nodes
-- say what they have seen, and nothing is recorded where that is missing, nor on a server that was not there before.
ALTER TABLE store ADD COLUMN turn bigint NOT NULL DEFAULT 1, -- counts the epochs
  ADD COLUMN server text NOT NULL DEFAULT ''; -- on which the epoch goes on

-- server names the cluster and its timeline, which is another one after each promotion. It fails on a standby.
CREATE FUNCTION server() RETURNS text LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp AS $$
  SELECT s.system_identifier || ' ' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) FROM pg_control_system() s $$;
REVOKE ALL ON FUNCTION server FROM PUBLIC;
UPDATE store SET server = server();

-- lacks says whether a row of the feed is not there that a node has seen, although time has not removed it.
CREATE FUNCTION lacks(p int, row_ bigint, batch bytea) RETURNS bool LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp AS $$
  SELECT row_ > 0 AND NOT EXISTS (SELECT FROM feed f WHERE f.part = p AND f.pos = row_ AND f.nonce = batch) AND row_ > (SELECT q.pos FROM part q WHERE q.id = p) $$;
REVOKE ALL ON FUNCTION lacks FROM PUBLIC;

-- check_store fails if the store is not the one that a node knows. The part is locked until the end of the transaction.
CREATE FUNCTION check_store(p int, known text, row_ bigint, batch bytea) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = {{schema}}, pg_temp SET enable_seqscan = off SET jit = off SET lock_timeout = '2s' AS $$
BEGIN
  PERFORM 1 FROM part WHERE id = p FOR UPDATE;
  IF (SELECT s.epoch <> known OR s.server <> server() FROM store s) OR lacks(p, row_, batch) THEN
    RAISE 'the store was rolled back, or has moved' USING ERRCODE = 'CCR01'; END IF;
END $$;
REVOKE ALL ON FUNCTION check_store FROM PUBLIC;

-- append_seen and restore_seen are append and restore for a node that knows an epoch and has seen a row.
CREATE FUNCTION append_seen(known text, row_ bigint, nonce bytea, standby bool, p int, batch bytea, names bytea[], rooms int[], claims bytea[], kinds smallint[], flagss int[],
  usrs bytea[], whos bytea[], keys bytea[], targets bigint[], bodies bytea[], sinces bigint[], counts smallint[], governs bool[], effects smallint[],
  withs int[], wkeys bytea[], wvalues bytea[])
RETURNS TABLE(n int, outcome int, seq bigint, at bigint, count bigint, pos bigint, born bigint) LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = {{schema}}, pg_temp AS $$
BEGIN
  PERFORM check_store(p, known, row_, nonce);
  RETURN QUERY SELECT * FROM append(standby, p, batch, names, rooms, claims, kinds, flagss, usrs, whos, keys, targets, bodies, sinces, counts, governs, effects,
    withs, wkeys, wvalues);
END $$;
REVOKE ALL ON FUNCTION append_seen FROM PUBLIC;

CREATE FUNCTION restore_seen(known text, row_ bigint, nonce bytea, p int, batch bytea, r bytea, was bigint, before bigint, claims bytea[], kinds smallint[], flagss int[], usrs bytea[],
  whos bytea[], keys bytea[], targets bigint[], editeds bigint[], bodies bytea[], seqs bigint[], ats bigint[], counts bigint[], states bigint[], effects smallint[])
RETURNS TABLE(recorded bigint, born bigint) LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp AS $$
BEGIN
  PERFORM check_store(p, known, row_, nonce);
  RETURN QUERY SELECT * FROM restore(p, batch, r, was, before, claims, kinds, flagss, usrs, whos, keys, targets, editeds, bodies, seqs, ats, counts, states, effects);
END $$;
REVOKE ALL ON FUNCTION restore_seen FROM PUBLIC;

-- go_on lets the store go on here, unless its epoch is no longer was. The epoch stays if nothing is missing of what a node has seen that
-- asks for that. Otherwise it is a new one, and what names the old one in records names it: marks stay. They were
-- written behind the entries that they name, so these are there. Nobody waits for a standby: what is recorded in the epoch does.
CREATE FUNCTION go_on(was text, same bool, turns bigint, rows bigint[], nonces bytea[], revision bigint) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = {{schema}}, pg_temp SET lock_timeout = '2s' AS $$
DECLARE s store; next text;
BEGIN
  PERFORM set_config('synchronous_commit', 'local', true);
  PERFORM 1 FROM part ORDER BY id FOR UPDATE;
  SELECT * INTO s FROM store FOR UPDATE;
  IF s.epoch <> was THEN RETURN; END IF;
  IF same AND turns <= s.turn AND revision <= (SELECT greatest(q.pos, (SELECT max(c.rev) FROM change c)) FROM part q WHERE q.id = -1)
    AND NOT EXISTS (SELECT FROM unnest(rows, nonces) WITH ORDINALITY i(row_, nonce, n) WHERE lacks(i.n::int - 1, i.row_, i.nonce)) THEN
    UPDATE store SET server = server();
    RETURN;
  END IF;
  next := replace(gen_random_uuid()::text, '-', '');
  UPDATE store SET epoch = next, turn = greatest(s.turn, turns) + 1, server = server(), seal = md5(parts || ' ' || next);
  UPDATE record r SET value = decode(replace(encode(r.value, 'escape'), s.epoch, next), 'escape') WHERE position(s.epoch::bytea IN r.value) > 0;
END $$;
REVOKE ALL ON FUNCTION go_on FROM PUBLIC;
