package pgjournal

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// headOf is where the room q.room stands, in the columns of a head.
const headOf = `LEFT JOIN LATERAL (SELECT m.born, m.first, coalesce(e.seq, m.last) AS last, coalesce(e.at, m.at) AS at, coalesce(e.pos, m.pos) AS pos,
	coalesce(e.count, m.count) AS count, m.count AS dropped, coalesce(e.state, m.state) AS state
	FROM $.room m LEFT JOIN LATERAL (SELECT * FROM $.entry x WHERE x.room = m.name ORDER BY x.seq DESC LIMIT 1) e ON true WHERE m.name = q.room LIMIT 1) h ON true`

// newestOf is the newest row of the feed of the part q.part.
const newestOf = `(SELECT greatest(p.pos, (SELECT f.pos FROM $.feed f WHERE f.part = p.id ORDER BY f.pos DESC LIMIT 1)) FROM $.part p WHERE p.id = q.part)`

// headColumns: a room that is not there would begin behind the newest row of its part, in the epoch of the
// store as long as no room was ever dropped.
const headColumns = `s.epoch, coalesce(h.born, CASE WHEN s.dropped THEN 1023 * ` + newestOf + ` ELSE 0 END), coalesce(h.first, 1), coalesce(h.last, 0), coalesce(h.at, 0),
	coalesce(h.pos, 0), coalesce(h.count, 0), coalesce(h.dropped, 0), coalesce(h.state, 0)`

// head is where headColumns are read into.
type head struct {
	epoch                                             string
	born, first, last, at, pos, count, dropped, state int64
}

func (h *head) into(rest ...any) []any {
	return append(rest, &h.epoch, &h.born, &h.first, &h.last, &h.at, &h.pos, &h.count, &h.dropped, &h.state)
}

func (h *head) head() journal.Head {
	return journal.Head{
		Epoch: life(h.epoch, h.born), First: journal.Seq(h.first), Last: journal.Seq(h.last), At: h.at, Position: journal.Position(h.pos),
		Count: uint64(h.count), Dropped: uint64(h.dropped), State: journal.Seq(h.state),
	}
}

// pageLimit bounds a page, whatever is asked for.
const pageLimit = 1000

// Pages is that of shared.Engine.
func (s *Store) Pages(ctx context.Context, queries []shared.PageQuery, bytes int) (pages []journal.Page, err error) {
	err = s.shown(ctx, func(run query) (f found, err error) {
		var newest []int64
		if pages, newest, err = s.pages(ctx, run, queries, bytes); err != nil {
			return f, err
		}
		for i, q := range queries {
			f.row(q.Part, shared.RowOf(journal.Position(newest[i])))
		}
		return f, nil
	})
	return pages, err
}

// pages returns also the newest position of each room. The numbers of a room have no holes, so that a page is a range of them.
func (s *Store) pages(ctx context.Context, run query, queries []shared.PageQuery, bytes int) (pages []journal.Page, newest []int64, err error) {
	n := len(queries)
	rooms, parts, limits := make([][]byte, n), make([]int32, n), make([]int64, n)
	after, before, back, sizes := make([]int64, n), make([]int64, n), make([]bool, n), make([]int64, n)
	for i, q := range queries {
		rooms[i], parts[i], back[i] = []byte(q.Room), int32(q.Part), q.Backward
		limits[i] = int64(min(max(q.Limit, 0), pageLimit))
		after[i], before[i] = int64(min(q.After, journal.MaxSeq)), int64(min(q.Before, journal.MaxSeq+1))
		if q.Before == 0 {
			before[i] = int64(journal.MaxSeq + 1)
		}
		if sizes[i] = int64(max(q.Bytes, 0)); bytes > 0 && (sizes[i] == 0 || sizes[i] > int64(bytes)) {
			sizes[i] = int64(bytes)
		}
	}
	args := []any{rooms, parts, limits, after, before, back, sizes, replacing}
	all := `e AS (SELECT * FROM fits)`
	if bytes > 0 { // PostgreSQL sends little more. A page may be empty though a small entry would still fit: it says More
		all = `e AS (SELECT * FROM (SELECT *, sum(own) OVER (ORDER BY n, rank ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM fits) f
			WHERE before IS NULL OR before < $9)`
		args = append(args, int64(bytes))
	}
	rows, err := run(ctx, s.sql(`WITH at AS (SELECT q.*, h.* FROM unnest($1::bytea[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bool[], $7::bigint[])
			WITH ORDINALITY q(room, part, lim, after, before, back, bytes, n) `+headOf+`),
		wanted AS (SELECT q.n, CASE WHEN q.back THEN -x.seq ELSE x.seq END AS rank, x.*, q.bytes, `+replace(sizeOf, 8)+` AS own, t.body AS new, t.flags AS theirs FROM at q
			JOIN LATERAL (SELECT * FROM $.entry x WHERE x.room = q.room AND q.lim > 0 AND
				x.seq BETWEEN CASE WHEN q.back THEN least(q.before, q.last + 1) - q.lim ELSE greatest(q.after + 1, q.first) END
				AND CASE WHEN q.back THEN least(q.before - 1, q.last) ELSE greatest(q.after + 1, q.first) + q.lim - 1 END) x ON true `+replace(target, 8)+`),
		fits AS (SELECT * FROM (SELECT *, sum(own) OVER (PARTITION BY n ORDER BY rank ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ahead FROM wanted) w
			WHERE bytes = 0 OR ahead IS NULL OR ahead <= bytes),
		`+all+`
		SELECT q.n, `+headColumns+`, `+columns+` FROM $.store s, at q CROSS JOIN LATERAL (SELECT q.born, q.first, q.last, q.at, q.pos, q.count, q.dropped, q.state) h
		LEFT JOIN e ON e.n = q.n CROSS JOIN LATERAL (SELECT e.new AS body, e.theirs AS flags) t ORDER BY q.n, e.rank`),
		args...)
	if err != nil {
		return nil, nil, refusal(err)
	}
	defer rows.Close()
	pages, newest = make([]journal.Page, n), make([]int64, n)
	left := bytes
	at, size, full := -1, 0, false // of the page that is read now
	for rows.Next() {
		var i int
		var h head
		e, err := scan(rows, h.into(&i)...)
		if err != nil {
			return nil, nil, err
		}
		i--
		p, q := &pages[i], &queries[i]
		if i != at {
			at, size, full = i, 0, bytes > 0 && left <= 0
			w := h.head()
			newest[i] = h.pos
			p.Epoch, p.First, p.Last, p.Count, p.Dropped = w.Epoch, w.First, w.Last, w.Count, w.Dropped
			p.More = q.Backward && p.First <= p.Last && before[i] > h.first || !q.Backward && p.First <= p.Last && after[i] < h.last
		}
		if e.Seq == 0 || full {
			continue
		}
		own := e.Size()
		bound := q.Bytes
		if bytes > 0 && (bound <= 0 || bound > left+size) {
			bound = left + size
		}
		if bound > 0 && size+own > bound && size > 0 {
			full = true
			continue
		}
		size, left = size+own, left-own
		p.Entries = append(p.Entries, e)
		p.More = q.Backward && e.Seq > p.First || !q.Backward && e.Seq < p.Last
	}
	if err := rows.Err(); err != nil {
		return nil, nil, refusal(err)
	}
	for i := range pages {
		if queries[i].Backward {
			reverse(pages[i].Entries)
		}
	}
	return pages, newest, nil
}

func reverse(list []journal.Entry) {
	for i, k := 0, len(list)-1; i < k; i, k = i+1, k-1 {
		list[i], list[k] = list[k], list[i]
	}
}

// Heads is that of shared.Engine. A room that was not begun is not asked for its part: its head is zero.
func (s *Store) Heads(ctx context.Context, rooms []string) (heads []journal.Head, err error) {
	err = s.shown(ctx, func(run query) (f found, err error) {
		if heads, err = s.heads(ctx, run, rooms); err != nil {
			return f, err
		}
		for i, room := range rooms {
			f.row(shared.PartOf(room, len(s.parts)), shared.RowOf(heads[i].Position))
		}
		return f, nil
	})
	return heads, err
}

func (s *Store) heads(ctx context.Context, run query, rooms []string) ([]journal.Head, error) {
	names := make([][]byte, len(rooms))
	for i, room := range rooms {
		names[i] = []byte(room)
	}
	heads := make([]journal.Head, len(rooms))
	rows, err := run(ctx, s.sql(`SELECT q.n, s.epoch, h.born, h.first, h.last, h.at, h.pos, h.count, h.dropped, h.state, `+columns+`
		FROM $.store s, unnest($1::bytea[]) WITH ORDINALITY q(room, n) `+headOf+` LEFT JOIN LATERAL (SELECT * FROM $.entry x
		WHERE x.room = q.room AND h.count > h.dropped AND x.flags & 32 = 32 ORDER BY x.seq DESC LIMIT 1) e ON true
		CROSS JOIN (SELECT NULL::bytea AS body, NULL::int AS flags) t WHERE h.last > 0`), names)
	if err != nil {
		return nil, refusal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var i int
		var h head
		e, err := scan(rows, h.into(&i)...)
		if err != nil {
			return nil, err
		}
		heads[i-1] = h.head()
		if e.Seq > 0 {
			heads[i-1].Newest = e
		}
	}
	if err := rows.Err(); err != nil {
		return nil, refusal(err)
	}
	return heads, nil
}

// Begin is that of shared.Engine.
func (s *Store) Begin(ctx context.Context, room string, part int) (journal.Head, uint64, error) {
	for {
		h, there, row, err := s.begun(ctx, room, part)
		if err != nil {
			return journal.Head{}, 0, err
		}
		if there {
			return h.head(), row, nil
		}
		if _, err := s.pool.Exec(ctx, s.sql(`SELECT $.make_room($1, $2)`), part, []byte(room)); err != nil {
			return journal.Head{}, 0, refusal(err)
		}
	}
}

// begun returns the head of a room, whether it is there, and the newest row of its part.
func (s *Store) begun(ctx context.Context, room string, part int) (h head, there bool, row uint64, err error) {
	err = s.shown(ctx, func(run query) (f found, err error) {
		var newest int64
		rows, err := run(ctx, s.sql(`SELECT h.born IS NOT NULL, `+newestOf+`, `+headColumns+` FROM $.store s, (SELECT $1::bytea AS room, $2::int AS part) q `+headOf), []byte(room), part)
		if err == nil {
			_, err = pgx.ForEachRow(rows, h.into(&there, &newest), func() error { return nil })
		}
		if err != nil {
			return f, refusal(err)
		}
		row = uint64(newest)
		f.row(part, row)
		return f, nil
	})
	return h, there, row, err
}

// Rooms is that of shared.Engine.
func (s *Store) Rooms(ctx context.Context, after string, limit int) ([]string, error) {
	rows, err := s.pool.Query(ctx, s.sql(`SELECT m.name FROM $.room m WHERE m.name > $1 AND (m.last > 0 OR EXISTS (SELECT FROM $.entry e WHERE e.room = m.name))
		ORDER BY m.name LIMIT $2`), []byte(after), limit)
	if err != nil {
		return nil, refusal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return nil, refusal(err)
	}
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = string(name)
	}
	return out, nil
}

// now is the clock of PostgreSQL in Unix milliseconds: that of a node may be wrong.
const now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

// LetGo is that of shared.Engine. Each room is a transaction of its own.
func (s *Store) LetGo(ctx context.Context, rooms []shared.Limit, young time.Duration) (total int, err error) {
	b := &pgx.Batch{}
	for _, r := range rooms {
		b.Queue(s.sql(`SELECT $.let_go($1, $2, $3, CASE WHEN $4::bigint > 0 THEN `+now+` - $4 ELSE 0 END, $5, `+now+` - $6)`), []byte(r.Room), int64(min(r.Below, journal.MaxSeq+1)), int64(r.Keep),
			(r.Age + time.Millisecond - 1).Milliseconds(), r.Bytes, young.Milliseconds()). // 0 is no age
			QueryRow(func(row pgx.Row) error {
				n := 0
				err := row.Scan(&n)
				total += n
				return err
			})
	}
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return total, refusal(err)
	}
	return total, nil
}

// Forget is that of shared.Engine.
func (s *Store) Forget(ctx context.Context, room string, part int, stays bool) error {
	if _, err := s.pool.Exec(ctx, s.sql(`SELECT $.forget($1, $2, $3)`), part, []byte(room), stays); err != nil {
		return refusal(err)
	}
	return nil
}

// Redact is that of shared.Engine.
func (s *Store) Redact(ctx context.Context, room string, part int, list []shared.Redaction) ([]journal.Seq, error) {
	n := len(list)
	seqs, fixed := make([]int64, n), make([]bool, n)
	whos, bodies, newWhos, newBodies := make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n)
	for i := range list {
		was, now := &list[i].Was, &list[i].Now
		seqs[i], fixed[i] = int64(was.Seq), was.Kind.Effect() == journal.Replace
		whos[i], bodies[i], newWhos[i], newBodies[i] = packWho(was), was.Body, packWho(now), now.Body
	}
	rows, err := s.pool.Query(ctx, s.sql(`SELECT $.redact($1, $2, $3, $4, $5, $6, $7, $8)`), part, []byte(room), seqs, fixed, whos, bodies, newWhos, newBodies)
	if err != nil {
		return nil, refusal(err)
	}
	changed, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, commitError(err)
	}
	out := make([]journal.Seq, len(changed))
	for i, seq := range changed {
		out[i] = journal.Seq(seq)
	}
	return out, nil
}

// Sweep is that of shared.Engine.
func (s *Store) Sweep(ctx context.Context, claims, rest time.Duration) (total int, err error) {
	for part := -1; part < len(s.parts); part++ {
		n := 0
		if err := s.pool.QueryRow(ctx, s.sql(`SELECT $.sweep($1, `+now+` - $2, `+now+` - $3)`), part, claims.Milliseconds(), rest.Milliseconds()).Scan(&n); err != nil {
			return total, refusal(err)
		}
		total += n
	}
	return total, nil
}
