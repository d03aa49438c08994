-- An entry by itself is recorded sooner. Each table that a statement reads costs some time, however little it reads: so part, which append locks and
-- reads, has of store what it compares.
ALTER TABLE part ADD COLUMN epoch text, ADD COLUMN server text; -- those of store
UPDATE part SET epoch = s.epoch, server = s.server FROM store s;

-- Whoever changes store has locked all parts before, so that what they record is of one epoch.
CREATE FUNCTION mark_parts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = {{schema}}, pg_temp AS $$
BEGIN UPDATE part SET epoch = NEW.epoch, server = NEW.server WHERE (epoch, server) IS DISTINCT FROM (NEW.epoch, NEW.server); RETURN NULL; END $$;
REVOKE ALL ON FUNCTION mark_parts FROM PUBLIC;
CREATE TRIGGER mark_parts AFTER INSERT OR UPDATE ON store FOR EACH ROW EXECUTE FUNCTION mark_parts();

-- A part may be written back by hand.
CREATE FUNCTION mark_part() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = {{schema}}, pg_temp AS $$
BEGIN SELECT s.epoch, s.server INTO NEW.epoch, NEW.server FROM store s; RETURN NEW; END $$;
REVOKE ALL ON FUNCTION mark_part FROM PUBLIC;
CREATE TRIGGER mark_part BEFORE INSERT ON part FOR EACH ROW EXECUTE FUNCTION mark_part();

-- append_entry is append_one, which servers of version 5 call. It returns whether there was at most one node (1 or 0), the row of the feed, when the life
-- of the room began, and the number, time and count of the entry; or nothing, if nothing is recorded. A row in place of an array would be one scan more.
CREATE FUNCTION append_entry(known text, row_ bigint, seen bytea, standby bool, p int, batch bytea, room_ bytea, low bigint, counted int, grown bigint,
  token bytea, kind smallint, flags int, usr bytea, who bytea, key bytea, target bigint, body bytea) RETURNS bigint[] LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = {{schema}}, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '2s' AS $$
#variable_conflict use_variable
DECLARE stamp bigint; born bigint; seq bigint; at bigint; count bigint; size bigint; state bigint; pos bigint; same bool; dup bool; gone bigint; newest bigint; mark bytea;
  first bigint; alone int; here text := current_setting('caddychat.server', true); -- kept by this connection: it is gone before the server is another one
BEGIN
  IF here IS NULL OR here = '' THEN here := set_config('caddychat.server', server(), false); END IF;
  SELECT q.pos, q.epoch = known AND q.server = here INTO gone, same FROM part q WHERE q.id = p FOR UPDATE; IF NOT FOUND THEN RAISE 'no part %', p; END IF;
  -- This statement must see what the last holder of the lock has committed.
  SELECT f.pos, f.nonce, floor(extract(epoch FROM clock_timestamp()) * 1000),
    CASE WHEN EXISTS (SELECT FROM node n WHERE n.beat > clock_timestamp() - interval '10 seconds' OFFSET 1) THEN 0 ELSE 1 END,
    m.first, m.born, coalesce(e.seq, CASE WHEN low = 0 THEN m.last END) + 1, coalesce(e.at, m.at), coalesce(e.count, m.count), coalesce(e.size, m.size), coalesce(e.state, m.state),
    (SELECT true FROM entry e WHERE e.room = room_ AND e.claim = token)
    INTO newest, mark, stamp, alone, first, born, seq, at, count, size, state, dup
    FROM (SELECT) s LEFT JOIN LATERAL (SELECT y.pos, y.nonce FROM feed y WHERE y.part = p ORDER BY y.pos DESC LIMIT 1) f ON true
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
  IF dup OR seq IS NULL OR seq > 9007199254740991 - 1022 THEN RETURN NULL; END IF;
  pos := greatest(gone, newest) + 1;
  at := greatest(at, stamp);
  count := count + counted;
  WITH f AS (INSERT INTO feed(part, pos, nonce, at, rooms, lo, hi) VALUES (p, pos, batch, stamp, ARRAY[room_], ARRAY[seq], ARRAY[seq]))
  INSERT INTO entry(room, seq, at, count, size, state, pos, target, kind, flags, claim, usr, who, key, body)
    VALUES (room_, seq, at, count, size + grown, state, (pos - 1) * 1023 + 1, target, kind, flags, token, usr, who, key, body);
  RETURN ARRAY[alone, pos, born, seq, at, count];
END $$;
REVOKE ALL ON FUNCTION append_entry FROM PUBLIC;
