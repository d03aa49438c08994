-- What a client chooses is bytea, because text can't hold every byte. Positions of a part: those of the
-- row n of its feed are above (n - 1) * 1023, at most n * 1023. Appending only inserts: a row
-- that each append updated would slow down under any long snapshot, such as pg_dump's.
CREATE TABLE store(one bool PRIMARY KEY DEFAULT true CHECK (one), version int NOT NULL, parts int NOT NULL,
  epoch text NOT NULL, dropped bool NOT NULL DEFAULT false, -- dropped: rooms that are made from now on get born
  seal text NOT NULL DEFAULT ''); -- of parts and epoch: a change by hand is noticed
CREATE TABLE part(id int PRIMARY KEY, pos bigint NOT NULL DEFAULT 0); -- pos: of the newest row of the feed that was let go
CREATE TABLE room(name bytea PRIMARY KEY, part int NOT NULL, -- all but first: of the newest entry that was let go
  first bigint NOT NULL DEFAULT 1, last bigint NOT NULL DEFAULT 0, at bigint NOT NULL DEFAULT 0,
  pos bigint NOT NULL DEFAULT 0, count bigint NOT NULL DEFAULT 0, size bigint NOT NULL DEFAULT 0, state bigint NOT NULL DEFAULT 0,
  born bigint NOT NULL DEFAULT 0); -- 0, or the position at which this life of the name began
CREATE TABLE entry(room bytea NOT NULL, seq bigint NOT NULL, at bigint NOT NULL, pos bigint NOT NULL,
  count bigint NOT NULL, size bigint NOT NULL, state bigint NOT NULL, -- running: counting entries, bytes, newest governing entry
  target bigint NOT NULL, edited bigint NOT NULL DEFAULT 0, kind smallint NOT NULL,
  flags int NOT NULL, -- 1 text, 2 recalled, 4 quiet, 8 guest, 16 may be the target of an effect, 32 counts
  claim bytea NOT NULL, usr bytea NOT NULL, who bytea NOT NULL, key bytea, body bytea, PRIMARY KEY (room, seq));
CREATE UNIQUE INDEX entry_claim ON entry(room, claim);
CREATE TABLE claim(room bytea, claim bytea, seq bigint NOT NULL, at bigint NOT NULL, PRIMARY KEY (room, claim));
CREATE TABLE feed(part int NOT NULL, pos bigint NOT NULL, nonce bytea NOT NULL, at bigint NOT NULL,
  rooms bytea[] NOT NULL, lo bigint[] NOT NULL, hi bigint[] NOT NULL, PRIMARY KEY (part, pos));
CREATE TABLE record(key bytea PRIMARY KEY, value bytea NOT NULL, seq bigint NOT NULL, count bigint NOT NULL, pos bigint NOT NULL);
CREATE TABLE change(rev bigint PRIMARY KEY, key bytea NOT NULL, value bytea, pos bigint NOT NULL, at bigint NOT NULL); -- of records, by swap
CREATE UNLOGGED TABLE node(id text PRIMARY KEY, name text NOT NULL, version text NOT NULL, config text NOT NULL, beat timestamptz NOT NULL);
CREATE TABLE lease(name text PRIMARY KEY, node text NOT NULL, until timestamptz NOT NULL);
ALTER TABLE entry SET (autovacuum_vacuum_insert_scale_factor = 0.02);

-- The program sets parts and seal, and makes the parts -1 (of records) to parts - 1.
INSERT INTO store(version, parts, epoch) VALUES (1, 0, replace(gen_random_uuid()::text, '-', ''));

-- append records a batch. One call is one statement is one transaction, so that a node that
-- hangs holds no lock between statements. It knows no kinds: the caller says what counts,
-- what governs, and what an entry does to its target (1 erases it, 2 replaces its body). The
-- same batch again has the same answer: what it recorded before is not taken for a duplicate.
CREATE FUNCTION append(standby bool, p int, batch bytea, names bytea[], rooms int[], claims bytea[], kinds smallint[], flagss int[],
  usrs bytea[], whos bytea[], keys bytea[], targets bigint[], bodies bytea[], sinces bigint[], counts smallint[], governs bool[], effects smallint[],
  withs int[], wkeys bytea[], wvalues bytea[])
RETURNS TABLE(n int, outcome int, seq bigint, at bigint, count bigint, pos bigint, born bigint) LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = {{schema}}, pg_temp
-- Plans that were made on empty tables stay: so no plan may depend on how full they are.
SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '2s' AS $$
#variable_conflict use_column
DECLARE stamp bigint; newpos bigint; anew bool; kn int[]; ks bigint[]; ka bigint[]; kc bigint[]; kp bigint[]; km bool[]; nt int[]; fl int[];
BEGIN
  -- Each statement must see what the last holder of the lock has committed.
  IF current_setting('transaction_isolation') <> 'read committed' THEN RAISE 'append needs read committed'; END IF;
  IF standby AND current_setting('synchronous_standby_names') = '' THEN RAISE 'no synchronous standby' USING ERRCODE = '53000'; END IF;
  PERFORM 1 FROM part WHERE id = p FOR UPDATE; IF NOT FOUND THEN RAISE 'no part %', p; END IF;
  stamp := floor(extract(epoch FROM clock_timestamp()) * 1000);
  SELECT array_agg(i.n::int), array_agg(k.seq), array_agg(k.at), array_agg(k.count), array_agg(k.pos), array_agg(f.pos IS NOT NULL) INTO kn, ks, ka, kc, kp, km -- known claims
  FROM unnest(rooms, claims) WITH ORDINALITY i(room, claim, n) CROSS JOIN LATERAL (
    (SELECT e.seq, e.at, e.count, e.pos FROM entry e WHERE e.room = names[i.room] AND e.claim = i.claim LIMIT 1) UNION ALL
    (SELECT c.seq, c.at, 0, 0 FROM claim c WHERE c.room = names[i.room] AND c.claim = i.claim LIMIT 1) LIMIT 1) k
    LEFT JOIN LATERAL (SELECT x.pos FROM feed x WHERE x.part = p AND x.pos = (k.pos + 1022) / 1023 AND x.nonce = batch LIMIT 1) f ON true;
  SELECT array_agg(i.n::int) INTO fl FROM unnest(rooms) WITH ORDINALITY i(room, n) -- a room without numbers
    CROSS JOIN LATERAL (SELECT x.seq FROM entry x WHERE x.room = names[i.room] ORDER BY x.seq DESC LIMIT 1) e
    WHERE e.seq > 9007199254740991 - 1023 AND (kn IS NULL OR i.n <> ALL (kn));
  IF effects && '{2}' THEN SELECT array_agg(i.n::int) INTO nt FROM unnest(rooms, effects, targets) WITH ORDINALITY i(room, effect, target, n) -- no target
    LEFT JOIN LATERAL (SELECT true AS kept FROM entry t WHERE t.room = names[i.room] AND t.seq = i.target AND t.flags & 18 = 16 LIMIT 1)
    t ON true WHERE i.effect = 2 AND (kn IS NULL OR i.n <> ALL (kn)) AND t.kept IS NULL; END IF;
  SELECT greatest(q.pos, coalesce((SELECT f.pos FROM feed f WHERE f.part = p ORDER BY f.pos DESC LIMIT 1), 0)) + 1, s.dropped
  INTO newpos, anew FROM part q, store s WHERE q.id = p;
  RETURN QUERY WITH
  item AS MATERIALIZED (
    SELECT i.*, i.n::int AS nr FROM unnest(rooms, claims, kinds, flagss, usrs, whos, keys, targets, bodies, sinces, counts, governs, effects)
      WITH ORDINALITY i(room, claim, kind, flags, usr, who, key, target, body, since, counting, governing, effect, n)
    WHERE coalesce(i.n <> ALL (kn), true) AND coalesce(i.n <> ALL (nt), true) AND coalesce(i.n <> ALL (fl), true)),
  head AS MATERIALIZED (
    SELECT r.room, r.name, m.born, coalesce(e.seq, m.last, 0) AS last, coalesce(e.at, m.at, 0) AS at,
      coalesce(e.count, m.count, 0) AS count, coalesce(e.size, m.size, 0) AS size, coalesce(e.state, m.state, 0) AS state
    FROM unnest(names) WITH ORDINALITY r(name, room)
    LEFT JOIN LATERAL (SELECT * FROM room y WHERE y.name = r.name LIMIT 1) m ON true
    LEFT JOIN LATERAL (SELECT x.seq, x.at, x.count, x.size, x.state FROM entry x WHERE x.room = r.name ORDER BY x.seq DESC LIMIT 1) e ON true),
  fresh AS MATERIALIZED (
    SELECT i.*, h.name, h.born IS NULL AS made, (newpos - 1) * 1023 + row_number() OVER (ORDER BY i.room, i.n) AS pos,
      coalesce(h.born, CASE WHEN anew THEN (newpos - 1) * 1023 ELSE 0 END) AS born, h.last + row_number() OVER w AS seq,
      greatest(h.at, stamp) AS at, h.count + sum(i.counting) OVER w AS count, h.size + sum(320 + coalesce(octet_length(i.body), 0)) OVER w AS size,
      CASE WHEN i.governing THEN h.last + row_number() OVER w ELSE h.state END AS state
    FROM item i JOIN head h ON h.room = i.room WHERE i.since = 0 OR h.state < i.since WINDOW w AS (PARTITION BY i.room ORDER BY i.n)),
  made AS (INSERT INTO room(name, part, born) SELECT DISTINCT f.name, p, f.born FROM fresh f WHERE f.made),
  put AS (INSERT INTO entry(room, seq, at, count, size, state, pos, target, kind, flags, claim, usr, who, key, body)
    SELECT f.name, f.seq, f.at, f.count, f.size, max(f.state) OVER (PARTITION BY f.room ORDER BY f.n), f.pos, f.target, f.kind, f.flags,
      f.claim, f.usr, f.who, f.key, CASE WHEN f.effect <> 2 THEN f.body END FROM fresh f),
  fed AS (INSERT INTO feed(part, pos, nonce, at, rooms, lo, hi)
    SELECT p, newpos, batch, stamp, array_agg(g.name ORDER BY g.pos), array_agg(g.lo ORDER BY g.pos), array_agg(g.hi ORDER BY g.pos)
    FROM (SELECT f.name, min(f.pos) AS pos, min(f.seq) AS lo, max(f.seq) AS hi FROM fresh f GROUP BY f.name) g HAVING count(*) > 0)
  SELECT f.nr, 0, f.seq, f.at, f.count::bigint, f.pos, f.born FROM fresh f
  UNION ALL SELECT k.n, CASE WHEN k.mine THEN 0 ELSE 1 END, k.s, k.a, k.c, k.p, h.born FROM unnest(kn, ks, ka, kc, kp, km) k(n, s, a, c, p, mine) JOIN head h ON h.room = rooms[k.n]
  UNION ALL SELECT i.nr, 2, 0, 0, 0, 0, 0 FROM item i JOIN head h ON h.room = i.room WHERE i.since > 0 AND h.state >= i.since
  UNION ALL SELECT x, 3, 0, 0, 0, 0, 0 FROM unnest(nt) x WHERE fl IS NULL OR x <> ALL (fl)
  UNION ALL SELECT x, 4, 0, 0, 0, 0, 0 FROM unnest(fl) x;
  -- The target of an effect may be in this batch: so this is a statement of its own. What comes behind
  -- the entry was not there when it was recorded.
  IF effects && '{1,2}' THEN
    UPDATE entry t SET body = CASE WHEN i.effect = 2 THEN i.body END,
      flags = CASE WHEN i.effect = 1 THEN (t.flags & ~1) | 2 ELSE (t.flags & ~1) | (i.flags & 1) END,
      edited = CASE WHEN i.effect = 2 THEN m.seq ELSE t.edited END
    FROM unnest(rooms, claims, effects, bodies, flagss) WITH ORDINALITY i(room, claim, effect, body, flags, n)
    CROSS JOIN LATERAL (SELECT e.target, e.seq FROM entry e WHERE e.room = names[i.room] AND e.claim = i.claim LIMIT 1) m
    WHERE i.effect > 0 AND (kn IS NULL OR i.n <> ALL (kn)) AND t.room = names[i.room] AND t.seq = m.target AND t.seq < m.seq AND t.flags & 18 = 16;
  END IF;
  -- Of what was recorded now; the last word for a key counts.
  IF withs <> '{}' THEN WITH w AS MATERIALIZED (
      SELECT DISTINCT ON (i.key) i.key, i.value, e.seq, e.count, e.pos FROM unnest(withs, wkeys, wvalues) WITH ORDINALITY i(n, key, value, o)
        CROSS JOIN LATERAL (SELECT * FROM entry x WHERE x.room = names[rooms[i.n]] AND x.claim = claims[i.n] LIMIT 1) e
      WHERE kn IS NULL OR i.n <> ALL (kn) ORDER BY i.key, e.pos DESC, i.o DESC), cut AS (DELETE FROM record r USING w WHERE r.key = w.key AND w.value IS NULL)
    INSERT INTO record SELECT * FROM w WHERE w.value IS NOT NULL
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, seq = excluded.seq, count = excluded.count, pos = excluded.pos; END IF;
END $$;
REVOKE ALL ON FUNCTION append FROM PUBLIC;

-- make_room makes a room for somebody who follows it, so that its epoch is known before its first entry.
CREATE FUNCTION make_room(p int, r bytea) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
  PERFORM 1 FROM part WHERE id = p FOR UPDATE;
  INSERT INTO room(name, part, born) SELECT r, p, CASE WHEN s.dropped THEN 1023 *
    greatest(q.pos, coalesce((SELECT f.pos FROM feed f WHERE f.part = p ORDER BY f.pos DESC LIMIT 1), 0)) ELSE 0 END
    FROM part q, store s WHERE q.id = p ON CONFLICT DO NOTHING;
END $$;
REVOKE ALL ON FUNCTION make_room FROM PUBLIC;

-- let_go removes the oldest entries of a room that are below a number, are not among the newest keep,
-- are older than cutoff, or have bytes behind them: at most 1000. It locks the row of the room, which append
-- never does. Claims of entries that are not older than young stay.
CREATE FUNCTION let_go(r bytea, below bigint, keep bigint, cutoff bigint, bytes bigint, young bigint) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE m room; h entry; e entry; k int;
BEGIN
  SELECT * INTO m FROM room WHERE name = r FOR UPDATE; IF NOT FOUND THEN RETURN 0; END IF;
  SELECT * INTO h FROM entry x WHERE x.room = r ORDER BY x.seq DESC LIMIT 1; IF NOT FOUND THEN RETURN 0; END IF;
  SELECT * INTO e FROM entry x WHERE x.room = r AND x.seq >= m.first AND x.seq < m.first + 1000 AND (x.seq < below OR keep > 0 AND x.seq <= h.seq - keep
    OR x.at < cutoff OR bytes > 0 AND h.size - x.size + 320 + coalesce(octet_length(x.body), 0) > bytes) ORDER BY x.seq DESC LIMIT 1;
  IF NOT FOUND THEN RETURN 0; END IF;
  INSERT INTO claim SELECT x.room, x.claim, x.seq, x.at FROM entry x
    WHERE x.room = r AND x.seq BETWEEN m.first AND e.seq AND x.at >= young AND x.key IS NOT NULL ON CONFLICT DO NOTHING;
  DELETE FROM entry x WHERE x.room = r AND x.seq BETWEEN m.first AND e.seq; GET DIAGNOSTICS k = ROW_COUNT;
  UPDATE room SET first = e.seq + 1, last = e.seq, at = e.at, pos = e.pos, count = e.count, size = e.size, state = e.state WHERE name = r;
  RETURN k;
END $$;
REVOKE ALL ON FUNCTION let_go FROM PUBLIC;

-- redact changes entries that still have who and body, which stays where fixed. It returns those that are there and have not.
CREATE FUNCTION redact(p int, r bytea, seqs bigint[], fixed bool[], whos bytea[], bodies bytea[], new_whos bytea[], new_bodies bytea[]) RETURNS SETOF bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp SET enable_seqscan = off SET jit = off SET lock_timeout = '2s' AS $$
BEGIN
  PERFORM 1 FROM part WHERE id = p FOR UPDATE;
  FOR i IN 1 .. array_length(seqs, 1) LOOP
    UPDATE entry x SET who = new_whos[i], body = CASE WHEN fixed[i] THEN x.body ELSE new_bodies[i] END
      WHERE x.room = r AND x.seq = seqs[i] AND x.who = whos[i] AND (fixed[i] OR x.body IS NOT DISTINCT FROM bodies[i]);
    IF NOT FOUND AND EXISTS (SELECT FROM entry x WHERE x.room = r AND x.seq = seqs[i]) THEN RETURN NEXT seqs[i]; END IF;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION redact FROM PUBLIC;

-- forget removes all entries and claims of a room, and its head too unless head is to stay.
CREATE FUNCTION forget(p int, r bytea, stays bool) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp
SET enable_seqscan = off SET jit = off SET lock_timeout = '2s' AS $$
DECLARE m room; e entry;
BEGIN
  PERFORM 1 FROM part WHERE id = p FOR UPDATE;
  SELECT * INTO m FROM room WHERE name = r FOR UPDATE; IF NOT FOUND THEN RETURN; END IF;
  SELECT * INTO e FROM entry x WHERE x.room = r ORDER BY x.seq DESC LIMIT 1;
  DELETE FROM entry x WHERE x.room = r; DELETE FROM claim c WHERE c.room = r;
  IF NOT stays THEN DELETE FROM room WHERE name = r; UPDATE store SET dropped = true WHERE NOT dropped;
  ELSIF e.seq IS NOT NULL THEN
    UPDATE room SET first = e.seq + 1, last = e.seq, at = e.at, pos = e.pos, count = e.count, size = e.size, state = e.state WHERE name = r;
  END IF;
END $$;
REVOKE ALL ON FUNCTION forget FROM PUBLIC;

-- swap changes records that have the value that was read; all of them in one transaction. rev is 0 where
-- the value is another one, which is now.
CREATE FUNCTION swap(keys bytea[], olds bytea[], news bytea[], blinds bool[]) RETURNS TABLE(n int, rev bigint, now bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp SET enable_seqscan = off SET jit = off SET lock_timeout = '2s' AS $$
#variable_conflict use_column
DECLARE last bigint; stamp bigint; v bytea;
BEGIN
  PERFORM 1 FROM part WHERE id = -1 FOR UPDATE;
  stamp := floor(extract(epoch FROM clock_timestamp()) * 1000);
  SELECT greatest(q.pos, coalesce((SELECT c.rev FROM change c ORDER BY c.rev DESC LIMIT 1), 0)) INTO last FROM part q WHERE q.id = -1;
  FOR i IN 1 .. coalesce(array_length(keys, 1), 0) LOOP
    v := (SELECT r.value FROM record r WHERE r.key = keys[i]);
    IF NOT blinds[i] AND v IS DISTINCT FROM olds[i] THEN n := i; rev := 0; now := v; RETURN NEXT; CONTINUE; END IF;
    last := last + 1;
    IF news[i] IS NULL THEN DELETE FROM record r WHERE r.key = keys[i];
    ELSE INSERT INTO record(key, value, seq, count, pos) VALUES (keys[i], news[i], 0, 0, CASE WHEN blinds[i] THEN 0 ELSE last END)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, seq = 0, count = 0, pos = excluded.pos; END IF;
    INSERT INTO change VALUES (last, keys[i], news[i], CASE WHEN blinds[i] THEN 0 ELSE last END, stamp);
    n := i; rev := last; now := NULL; RETURN NEXT;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION swap FROM PUBLIC;

-- sweep removes at most some thousands of claims, and of changes (part -1) or rows of the feed, from before a time.
CREATE FUNCTION sweep(p int, claims bigint, rest bigint) RETURNS int LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp SET lock_timeout = '2s' AS $$
DECLARE k int; total int; upto bigint;
BEGIN
  DELETE FROM claim WHERE ctid = ANY (ARRAY(SELECT c.ctid FROM claim c WHERE c.at < claims LIMIT 1000)); GET DIAGNOSTICS total = ROW_COUNT;
  IF p < 0 THEN upto := (SELECT max(c.rev) FROM (SELECT * FROM change x ORDER BY x.rev LIMIT 1000) c WHERE c.at < rest);
  ELSE upto := (SELECT max(f.pos) FROM (SELECT * FROM feed x WHERE x.part = p ORDER BY x.pos LIMIT 1000) f WHERE f.at < rest); END IF;
  IF upto IS NULL THEN RETURN total; END IF;
  UPDATE part SET pos = upto WHERE id = p AND pos < upto;
  IF p < 0 THEN DELETE FROM change WHERE rev <= upto; ELSE DELETE FROM feed f WHERE f.part = p AND f.pos <= upto; END IF;
  GET DIAGNOSTICS k = ROW_COUNT; RETURN total + k;
END $$;
REVOKE ALL ON FUNCTION sweep FROM PUBLIC;

-- beat says that a node is alive, or that it is gone, and returns the others that are alive.
CREATE FUNCTION beat(i text, alive bool, nm text, v text, c text) RETURNS SETOF node LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp AS $$
BEGIN
  IF alive THEN INSERT INTO node VALUES (i, nm, v, c, clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET version = v, config = c, beat = clock_timestamp();
  ELSE DELETE FROM node WHERE id = i; END IF;
  DELETE FROM node WHERE beat < clock_timestamp() - interval '1 hour';
  RETURN QUERY SELECT * FROM node n WHERE n.beat > clock_timestamp() - interval '10 seconds' ORDER BY n.id COLLATE "C";
END $$;
REVOKE ALL ON FUNCTION beat FROM PUBLIC;

CREATE FUNCTION take_lease(l text, who text, seconds int) RETURNS bool LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp AS $$
BEGIN
  INSERT INTO lease VALUES (l, who, clock_timestamp() + make_interval(secs => seconds)) ON CONFLICT (name) DO UPDATE
    SET node = who, until = excluded.until WHERE lease.node = who OR lease.until < clock_timestamp();
  RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION take_lease FROM PUBLIC;

-- restore records entries of a room that another journal has recorded, behind the entry was: it returns nothing
-- if that is not the newest. Effects: 1 erases the target, 2 replaces its body, 3 has replaced it before.
CREATE FUNCTION restore(p int, batch bytea, r bytea, was bigint, before bigint, claims bytea[], kinds smallint[], flagss int[], usrs bytea[], whos bytea[], keys bytea[],
  targets bigint[], editeds bigint[], bodies bytea[], seqs bigint[], ats bigint[], counts bigint[], states bigint[], effects smallint[])
RETURNS TABLE(row_ bigint, born bigint) LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp
SET enable_seqscan = off SET jit = off SET lock_timeout = '2s' AS $$
#variable_conflict use_column
DECLARE m room; e entry; newpos bigint;
BEGIN
  PERFORM 1 FROM part WHERE id = p FOR UPDATE;
  PERFORM make_room(p, r);
  SELECT * INTO m FROM room WHERE name = r;
  SELECT * INTO e FROM entry x WHERE x.room = r ORDER BY x.seq DESC LIMIT 1;
  IF coalesce(e.seq, m.last) <> was THEN RETURN; END IF;
  SELECT greatest(q.pos, coalesce((SELECT f.pos FROM feed f WHERE f.part = p ORDER BY f.pos DESC LIMIT 1), 0)) + 1 INTO newpos FROM part q WHERE q.id = p;
  IF was = 0 THEN UPDATE room SET first = seqs[1], last = seqs[1] - 1, count = before WHERE name = r; END IF;
  INSERT INTO entry(room, seq, at, count, size, state, pos, target, edited, kind, flags, claim, usr, who, key, body)
    SELECT r, i.seq, i.at, i.count, coalesce(e.size, m.size) + sum(320 + coalesce(octet_length(i.body), 0)) OVER (ORDER BY i.n), i.state, (newpos - 1) * 1023 + i.n,
      i.target, i.edited, i.kind, i.flags, CASE WHEN EXISTS (SELECT FROM entry x WHERE x.room = r AND x.claim = i.claim) OR
        EXISTS (SELECT FROM claim c WHERE c.room = r AND c.claim = i.claim) THEN uuid_send(gen_random_uuid()) ELSE i.claim END,
      i.usr, i.who, i.key, CASE WHEN i.effect < 2 THEN i.body END
    FROM unnest(claims, kinds, flagss, usrs, whos, keys, targets, editeds, bodies, seqs, ats, counts, states, effects)
      WITH ORDINALITY i(claim, kind, flags, usr, who, key, target, edited, body, seq, at, count, state, effect, n);
  INSERT INTO feed VALUES (p, newpos, batch, floor(extract(epoch FROM clock_timestamp()) * 1000), ARRAY[r], ARRAY[seqs[1]], ARRAY[seqs[array_length(seqs, 1)]]);
  UPDATE entry t SET body = CASE WHEN i.effect = 2 THEN i.body END,
      flags = CASE WHEN i.effect = 1 THEN (t.flags & ~1) | 2 ELSE (t.flags & ~1) | (i.flags & 1) END,
      edited = CASE WHEN i.effect = 2 THEN i.seq ELSE t.edited END
    FROM unnest(targets, effects, bodies, flagss, seqs) i(target, effect, body, flags, seq)
    WHERE i.effect IN (1, 2) AND t.room = r AND t.seq = i.target AND t.seq < i.seq AND t.flags & 18 = 16;
  RETURN QUERY SELECT newpos, m.born;
END $$;
REVOKE ALL ON FUNCTION restore FROM PUBLIC;

CREATE FUNCTION restore_records(keys bytea[], vals bytea[], seqs bigint[], counts bigint[]) RETURNS int LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = {{schema}}, pg_temp SET lock_timeout = '2s' AS $$
DECLARE k int;
BEGIN
  INSERT INTO record(key, value, seq, count, pos) SELECT i.key, i.value, i.seq, i.count, 0 FROM unnest(keys, vals, seqs, counts) i(key, value, seq, count) ORDER BY i.key
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, seq = excluded.seq, count = excluded.count, pos = 0 WHERE record.seq < excluded.seq;
  GET DIAGNOSTICS k = ROW_COUNT; RETURN k;
END $$;
REVOKE ALL ON FUNCTION restore_records FROM PUBLIC;
