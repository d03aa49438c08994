package pgjournal

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// Marks is that of shared.Engine. It fails on a standby.
func (s *Store) Marks(ctx context.Context, seen shared.Standing) (m shared.Marks, err error) {
	known := found{}
	known.row(changes, seen.Revision)
	for part, p := range seen.Parts {
		known.row(part, p.Row)
	}
	s.safe.note(s.safe.now(), known)
	err = s.shown(ctx, func(run query) (f found, err error) {
		if m, err = s.marks(ctx, run, seen); err != nil {
			return f, err
		}
		f.epoch = m.Epoch
		f.row(changes, m.Revision)
		for part, p := range m.Parts {
			f.row(part, p.Row)
		}
		return f, nil
	})
	return m, err
}

func (s *Store) marks(ctx context.Context, run query, seen shared.Standing) (m shared.Marks, err error) {
	m.Parts, m.Lossless = make([]shared.Mark, len(s.parts)), s.options.Standby
	var part int
	var row, gone, entries, turn int64
	var nonce []byte
	var lacks bool
	numbers, nonces := seenRows(seen)
	rows, err := run(ctx, s.sql(`SELECT s.epoch, s.turn, s.server <> $.server(), floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint, p.id, greatest(p.pos, f.pos, c.rev), p.pos, f.nonce,
		coalesce((SELECT sum(r.hi - r.lo + 1)::bigint FROM unnest(f.lo, f.hi) r(lo, hi)), 1023), coalesce($.lacks(p.id, a.pos, a.nonce), false)
		FROM $.store s, $.part p LEFT JOIN LATERAL (SELECT f.pos, f.nonce, f.lo, f.hi FROM $.feed f WHERE f.part = p.id ORDER BY f.pos DESC LIMIT 1) f ON true
		LEFT JOIN LATERAL (SELECT c.rev FROM $.change c WHERE p.id < 0 ORDER BY c.rev DESC LIMIT 1) c ON true
		LEFT JOIN unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY a(pos, nonce, n) ON a.n = p.id + 1`), numbers, nonces)
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{&m.Epoch, &turn, &m.Moved, &m.Now, &part, &row, &gone, &nonce, &entries, &lacks}, func() error {
			m.Turn, m.Lacks = uint64(turn), m.Lacks || lacks
			switch {
			case part == -1:
				m.Revision = uint64(row)
			case part < 0 || part >= len(m.Parts):
				return fmt.Errorf("the table %s.part has the part %d: it was changed by hand; remove that row", s.schema, part)
			case row > 0:
				m.Parts[part] = shared.Mark{Row: uint64(row), Last: shared.LastOf(uint64(row)-1) + journal.Position(entries), Gone: uint64(gone)}
				copy(m.Parts[part].Nonce[:], nonce)
			}
			return nil
		})
	}
	if err != nil {
		return m, refusal(err)
	}
	m.Lacks = m.Lacks || seen.Turn > m.Turn || seen.Revision > m.Revision
	return m, nil
}

// seenRows are the rows that a node has seen, by part.
func seenRows(seen shared.Standing) (rows []int64, nonces [][]byte) {
	for _, p := range seen.Parts {
		rows, nonces = append(rows, int64(p.Row)), append(nonces, p.Nonce[:])
	}
	return rows, nonces
}

// Continue is that of shared.Engine.
func (s *Store) Continue(ctx context.Context, was string, same bool, seen shared.Standing) error {
	numbers, nonces := seenRows(seen)
	_, err := s.pool.Exec(ctx, s.sql(`SELECT $.go_on($1, $2, $3, $4, $5, $6)`), was, same && s.options.Standby, int64(seen.Turn), numbers, nonces, int64(seen.Revision))
	if err != nil {
		return refusal(err)
	}
	return nil
}

// Rows is that of shared.Engine.
func (s *Store) Rows(ctx context.Context, after []uint64, limit int) (out []shared.Row, err error) {
	err = s.shown(ctx, func(run query) (f found, err error) {
		if out, err = s.rows(ctx, run, after, limit); err != nil {
			return f, err
		}
		for _, row := range out {
			f.row(row.Part, row.Number)
		}
		return f, nil
	})
	return out, err
}

func (s *Store) rows(ctx context.Context, run query, after []uint64, limit int) (out []shared.Row, err error) {
	numbers := make([]int64, len(after))
	for i, a := range after {
		numbers[i] = int64(a)
	}
	var part int
	var number int64
	var nonce []byte
	var rooms [][]byte
	var lo, hi []int64
	rows, err := run(ctx, s.sql(`SELECT f.part, f.pos, f.nonce, f.rooms, f.lo, f.hi FROM unnest($1::bigint[]) WITH ORDINALITY a(pos, n) CROSS JOIN LATERAL
		(SELECT * FROM $.feed f WHERE f.part = a.n - 1 AND f.pos > a.pos ORDER BY f.pos LIMIT $2) f ORDER BY f.part, f.pos`), numbers, limit)
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{&part, &number, &nonce, &rooms, &lo, &hi}, func() error {
			row := shared.Row{Part: part, Number: uint64(number)}
			copy(row.Nonce[:], nonce)
			for i, room := range rooms {
				row.Ranges = append(row.Ranges, shared.Range{Room: string(room), Lo: journal.Seq(lo[i]), Hi: journal.Seq(hi[i])})
			}
			out = append(out, row)
			return nil
		})
	}
	if err != nil {
		return nil, refusal(err)
	}
	return out, nil
}

// columns are those of an entry e and its target t, and of its room m, all of which may be NULL. Who
// replaced a body has it at the target.
const columns = `coalesce(e.room, ''), coalesce(e.seq, 0), coalesce(e.at, 0), coalesce(e.pos, 0), coalesce(e.count, 0), coalesce(e.target, 0),
	coalesce(e.edited, 0), coalesce(e.kind, 0), coalesce(e.flags, 0), e.usr, e.who, e.key, e.body, t.body, coalesce(t.flags, 0)`

// target is the target t of an entry x that has replaced its body. sizeOf is at most Entry.Size of x. PostgreSQL knows it
// without the body.
const (
	target = `LEFT JOIN LATERAL (SELECT t.body, t.flags FROM $.entry t WHERE t.room = x.room AND t.seq = x.target AND x.kind = ANY (?::smallint[])
		AND t.flags & 18 = 16 LIMIT 1) t ON true`
	sizeOf = `320 + coalesce(octet_length(CASE WHEN x.kind = ANY (?::smallint[]) THEN t.body ELSE x.body END), 0)`
)

// Entries is that of shared.Engine.
func (s *Store) Entries(ctx context.Context, ranges []shared.Range, bytes int) (out []journal.Entry, all bool, err error) {
	names, lo, hi := make([][]byte, len(ranges)), make([]int64, len(ranges)), make([]int64, len(ranges))
	for i, r := range ranges {
		names[i], lo[i], hi[i] = []byte(r.Room), int64(r.Lo), int64(r.Hi)
	}
	// One more than fits tells that there are more.
	rows, err := s.pool.Query(ctx, s.sql(`SELECT s.epoch, m.born, `+columns+` FROM $.store s, (SELECT *, row_number() OVER w AS nth, sum(own) OVER w - own AS ahead FROM
			(SELECT r.n, x.*, t.body AS new, t.flags AS theirs, `+replace(sizeOf, 4)+` AS own FROM unnest($1::bytea[], $2::bigint[], $3::bigint[]) WITH ORDINALITY r(room, lo, hi, n)
			CROSS JOIN LATERAL (SELECT * FROM $.entry e WHERE e.room = r.room AND e.seq BETWEEN r.lo AND r.hi ORDER BY e.seq LIMIT 10000000) x `+replace(target, 4)+`) e
			WINDOW w AS (ORDER BY n, seq ROWS UNBOUNDED PRECEDING)) e
		JOIN $.room m ON m.name = e.room CROSS JOIN LATERAL (SELECT e.new AS body, e.theirs AS flags) t WHERE e.nth <= 2 OR e.ahead <= $5 ORDER BY e.n, e.seq`),
		names, lo, hi, replacing, bytes)
	if err != nil {
		return nil, false, refusal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var epoch string
		var born int64
		e, err := scan(rows, &epoch, &born)
		if err != nil {
			return nil, false, err
		}
		if bytes -= e.Size(); bytes < 0 && len(out) > 0 {
			return out, false, nil
		}
		e.Epoch = life(epoch, born)
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, false, refusal(err)
	}
	return out, true, nil
}

// replacing is the kinds whose body is at their target.
var replacing = func() (kinds []int16) {
	for k := range 256 {
		if journal.Kind(k).Effect() == journal.Replace {
			kinds = append(kinds, int16(k))
		}
	}
	return kinds
}()

// scan reads what stands before the columns into first, and the entry.
func scan(rows pgx.Rows, first ...any) (e journal.Entry, err error) {
	var seq, pos, count, target, edited int64
	var kind int16
	var flags, theirs int32 // theirs: of the target
	var room, user, who, key, body, replaced []byte
	if err := rows.Scan(append(first, &room, &seq, &e.At, &pos, &count, &target, &edited, &kind, &flags, &user, &who, &key, &body, &replaced, &theirs)...); err != nil {
		return e, refusal(err)
	}
	e.Room, e.Seq, e.Position, e.Count = string(room), journal.Seq(seq), journal.Position(pos), uint64(count)
	if e.Seq == 0 {
		return e, nil
	}
	e.Target, e.Edited, e.Kind = journal.Seq(target), journal.Seq(edited), journal.Kind(kind)
	e.Key, e.Body = string(key), body
	e.Text, e.Recalled, e.Quiet = flags&flagText != 0, flags&flagRecalled != 0, flags&flagQuiet != 0
	e.From.ID, e.From.Guest = string(user), flags&flagGuest != 0
	if e.Kind.Effect() == journal.Replace {
		e.Body, e.Text = replaced, theirs&flagText != 0
	}
	return e, unpackWho(who, &e)
}

// Find is that of shared.Engine.
func (s *Store) Find(ctx context.Context, room string, c shared.Claim) (r journal.Receipt, err error) {
	err = s.shown(ctx, func(run query) (f found, err error) {
		if r, err = s.find(ctx, run, room, c); err == nil {
			f.row(shared.PartOf(room, len(s.parts)), shared.RowOf(r.Position))
		}
		return f, err
	})
	return r, err
}

func (s *Store) find(ctx context.Context, run query, room string, c shared.Claim) (r journal.Receipt, err error) {
	var seq, at, count, pos, born int64
	var epoch string
	rows, err := run(ctx, s.sql(`SELECT k.seq, k.at, k.count, k.pos, m.born, s.epoch FROM (
		(SELECT e.seq, e.at, e.count, e.pos FROM $.entry e WHERE e.room = $1 AND e.claim = $2 LIMIT 1) UNION ALL
		(SELECT c.seq, c.at, 0, 0 FROM $.claim c WHERE c.room = $1 AND c.claim = $2 LIMIT 1)) k, $.room m, $.store s WHERE m.name = $1 LIMIT 1`), []byte(room), c[:])
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{&seq, &at, &count, &pos, &born, &epoch}, func() error {
			r = journal.Receipt{Epoch: life(epoch, born), Seq: journal.Seq(seq), At: at, Count: uint64(count), Position: journal.Position(pos), Duplicate: true}
			return nil
		})
	}
	if err != nil {
		return journal.Receipt{}, refusal(err)
	}
	return r, nil
}
