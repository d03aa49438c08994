-- What append_plain and append_one ask before they record is asked by fewer scans, of which each is to be started: where the store is, where
-- the feed ends, and what is known of a key.

CREATE OR REPLACE FUNCTION append_plain(known text, row_ bigint, seen bytea, standby bool, p int, batch bytea, names bytea[], took int[], froms bigint[], rooms int[], places int[], counted int[], grown bigint[],
  claims bytea[], kinds smallint[], flagss int[], usrs bytea[], whos bytea[], keys bytea[], targets bigint[], bodies bytea[],
  OUT alone bool, OUT recorded bigint, OUT born bigint[], OUT was bigint[], OUT at bigint[], OUT count bigint[]) LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = {{schema}}, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '2s' AS $$
#variable_conflict use_column
DECLARE stamp bigint; base bigint; size bigint[]; state bigint[]; lo bigint[]; hi bigint[]; same bool; gone bigint; newest bigint; mark bytea;
  here text := current_setting('caddychat.server', true); -- kept by this connection: it is gone before the server is another one
BEGIN
  SELECT q.pos INTO gone FROM part q WHERE q.id = p FOR UPDATE; IF NOT FOUND THEN RAISE 'no part %', p; END IF;
  -- Each statement must see what the last holder of the lock has committed.
  IF current_setting('transaction_isolation') <> 'read committed' THEN RAISE 'append needs read committed'; END IF;
  IF standby AND current_setting('synchronous_standby_names') = '' THEN RAISE 'no synchronous standby' USING ERRCODE = '53000'; END IF;
  IF here IS NULL OR here = '' THEN here := set_config('caddychat.server', server(), false); END IF;
  SELECT s.epoch = known AND s.server = here, f.pos, f.nonce, floor(extract(epoch FROM clock_timestamp()) * 1000),
    NOT EXISTS (SELECT FROM node n WHERE n.beat > clock_timestamp() - interval '10 seconds' OFFSET 1)
    INTO same, newest, mark, stamp, alone
    FROM store s LEFT JOIN LATERAL (SELECT y.pos, y.nonce FROM feed y WHERE y.part = p ORDER BY y.pos DESC LIMIT 1) f ON true;
  IF same AND row_ > gone AND (newest = row_ AND mark = seen) IS NOT TRUE THEN -- others have recorded since
    same := EXISTS (SELECT FROM feed f WHERE f.part = p AND f.pos = row_ AND f.nonce = seen);
  END IF;
  recorded := greatest(gone, newest) + 1;
  IF same IS NOT TRUE THEN RAISE 'the store was rolled back, or has moved' USING ERRCODE = 'CCR01'; END IF;
  SELECT array_agg(h.born), array_agg(h.last), array_agg(greatest(h.at, stamp)), array_agg(h.count), array_agg(h.size), array_agg(h.state), array_agg(h.last + 1), array_agg(h.last + h.took)
    INTO born, was, at, count, size, state, lo, hi FROM (
    SELECT m.born, coalesce(e.seq, m.last) AS last, coalesce(e.at, m.at) AS at, coalesce(e.count, m.count) AS count,
      coalesce(e.size, m.size) AS size, coalesce(e.state, m.state) AS state, r.took
    FROM unnest(names, took, froms) WITH ORDINALITY r(name, took, low, n) CROSS JOIN LATERAL (SELECT * FROM room y WHERE y.name = r.name LIMIT 1) m
    LEFT JOIN LATERAL (SELECT x.seq, x.at, x.count, x.size, x.state FROM entry x WHERE x.room = r.name AND x.seq >= r.low ORDER BY x.seq DESC LIMIT 1) e ON true ORDER BY r.n) h;
  IF array_length(was, 1) = array_length(names, 1) AND 9007199254740991 - 1023 >= ALL (was) THEN
    base := (recorded - 1) * 1023;
    BEGIN
      INSERT INTO entry(room, seq, at, count, size, state, pos, target, kind, flags, claim, usr, who, key, body)
        SELECT names[i.room], was[i.room] + i.place, at[i.room], count[i.room] + i.counted, size[i.room] + i.grown, state[i.room], base + i.n, i.target, i.kind, i.flags,
          i.claim, i.usr, i.who, i.key, i.body
        FROM unnest(rooms, places, counted, grown, targets, kinds, flagss, claims, usrs, whos, keys, bodies) WITH ORDINALITY
          i(room, place, counted, grown, target, kind, flags, claim, usr, who, key, body, n);
      -- Behind the insert, which has seen all claims of entries: let_go moves them, and may have done so meanwhile.
      IF NOT EXISTS (SELECT FROM unnest(rooms, claims) i(room, claim) CROSS JOIN LATERAL (SELECT FROM claim c WHERE c.room = names[i.room] AND c.claim = i.claim LIMIT 1) k) THEN
        INSERT INTO feed(part, pos, nonce, at, rooms, lo, hi) VALUES (p, recorded, batch, stamp, names, lo, hi);
        RETURN;
      END IF;
      RAISE unique_violation;
    EXCEPTION WHEN unique_violation THEN END;
  END IF;
  recorded := 0;
END $$;

CREATE OR REPLACE FUNCTION append_one(known text, row_ bigint, seen bytea, standby bool, p int, batch bytea, room_ bytea, low bigint, counted int, grown bigint,
  token bytea, kind smallint, flags int, usr bytea, who bytea, key bytea, target bigint, body bytea,
  OUT alone bool, OUT recorded bigint, OUT born bigint, OUT was bigint, OUT at bigint, OUT count bigint) LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = {{schema}}, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '2s' AS $$
#variable_conflict use_variable
DECLARE stamp bigint; size bigint; state bigint; same bool; dup bool; gone bigint; newest bigint; mark bytea; first bigint;
  here text := current_setting('caddychat.server', true);
BEGIN
  SELECT q.pos INTO gone FROM part q WHERE q.id = p FOR UPDATE; IF NOT FOUND THEN RAISE 'no part %', p; END IF;
  IF here IS NULL OR here = '' THEN here := set_config('caddychat.server', server(), false); END IF;
  SELECT s.epoch = known AND s.server = here, f.pos, f.nonce, floor(extract(epoch FROM clock_timestamp()) * 1000),
    NOT EXISTS (SELECT FROM node n WHERE n.beat > clock_timestamp() - interval '10 seconds' OFFSET 1),
    m.first, m.born, coalesce(e.seq, CASE WHEN low = 0 THEN m.last END), coalesce(e.at, m.at), coalesce(e.count, m.count), coalesce(e.size, m.size), coalesce(e.state, m.state),
    (SELECT true FROM entry e WHERE e.room = room_ AND e.claim = token)
    INTO same, newest, mark, stamp, alone, first, born, was, at, count, size, state, dup
    FROM store s LEFT JOIN LATERAL (SELECT y.pos, y.nonce FROM feed y WHERE y.part = p ORDER BY y.pos DESC LIMIT 1) f ON true
    LEFT JOIN room m ON m.name = room_
    LEFT JOIN LATERAL (SELECT x.seq, x.at, x.count, x.size, x.state FROM entry x WHERE x.room = room_ AND x.seq >= low ORDER BY x.seq DESC LIMIT 1) e ON true;
  IF same AND row_ > gone AND (newest = row_ AND mark = seen) IS NOT TRUE THEN -- others have recorded since
    same := EXISTS (SELECT FROM feed f WHERE f.part = p AND f.pos = row_ AND f.nonce = seen);
  END IF;
  IF same IS NOT TRUE THEN RAISE 'the store was rolled back, or has moved' USING ERRCODE = 'CCR01'; END IF;
  IF current_setting('transaction_isolation') <> 'read committed' THEN RAISE 'append needs read committed'; END IF;
  IF standby AND current_setting('synchronous_standby_names') = '' THEN RAISE 'no synchronous standby' USING ERRCODE = '53000'; END IF;
  -- let_go moves claims, and with them first: an entry that the look above has not seen had gone by then.
  IF dup IS NULL AND first > 1 THEN dup := EXISTS (SELECT FROM claim c WHERE c.room = room_ AND c.claim = token); END IF;
  recorded := greatest(gone, newest) + 1;
  IF dup OR was IS NULL OR was > 9007199254740991 - 1023 THEN recorded := 0; RETURN; END IF;
  at := greatest(at, stamp);
  WITH f AS (INSERT INTO feed(part, pos, nonce, at, rooms, lo, hi) VALUES (p, recorded, batch, stamp, ARRAY[room_], ARRAY[was + 1], ARRAY[was + 1]))
  INSERT INTO entry(room, seq, at, count, size, state, pos, target, kind, flags, claim, usr, who, key, body)
    VALUES (room_, was + 1, at, count + counted, size + grown, state, (recorded - 1) * 1023 + 1, target, kind, flags, token, usr, who, key, body);
END $$;
