-- A store may take the place of another journal, so that its clients go on without a gap.

-- succeed lets a store that has recorded nothing go on in the epoch of another journal, with rows of the feed above a number. If
-- anew, the other one has forgotten rooms. It returns false if something was recorded.
CREATE FUNCTION succeed(next text, anew bool, above bigint) RETURNS bool LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = {{schema}}, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
  PERFORM 1 FROM part ORDER BY id FOR UPDATE;
  IF EXISTS (SELECT FROM room WHERE last > 0) OR EXISTS (SELECT FROM entry) OR EXISTS (SELECT FROM record) OR EXISTS (SELECT FROM feed)
    OR EXISTS (SELECT FROM change) THEN RETURN false; END IF;
  DELETE FROM room;
  UPDATE store SET epoch = next, turn = turn + 1, dropped = anew, seal = md5(parts || ' ' || next);
  UPDATE part SET pos = greatest(pos, above) WHERE id >= 0;
  RETURN true;
END $$;
REVOKE ALL ON FUNCTION succeed FROM PUBLIC;

-- restore_head makes a room that goes on with the entry next, unless it has entries, and returns when its life began.
CREATE FUNCTION restore_head(known text, row_ bigint, nonce bytea, p int, r bytea, began bigint, next bigint, stamp bigint, counted bigint, governing bigint)
RETURNS bigint LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
  PERFORM check_store(p, known, row_, nonce);
  INSERT INTO room AS m (name, part, first, last, at, count, state, born) VALUES (r, p, next, next - 1, stamp, counted, governing, began)
    ON CONFLICT (name) DO UPDATE SET first = next, last = next - 1, at = stamp, count = counted, state = governing, born = began
    WHERE m.last = 0 AND NOT EXISTS (SELECT FROM entry e WHERE e.room = r);
  RETURN (SELECT m.born FROM room m WHERE m.name = r);
END $$;
REVOKE ALL ON FUNCTION restore_head FROM PUBLIC;

CREATE FUNCTION forget_feed() RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = {{schema}}, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
  PERFORM 1 FROM part ORDER BY id FOR UPDATE;
  UPDATE part q SET pos = greatest(q.pos, (SELECT max(f.pos) FROM feed f WHERE f.part = q.id)) WHERE q.id >= 0;
  DELETE FROM feed;
END $$;
REVOKE ALL ON FUNCTION forget_feed FROM PUBLIC;
