package pgjournal

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// GetMany is that of shared.Engine.
func (s *Store) GetMany(ctx context.Context, keys []string) (list []journal.Record, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	err = s.shown(ctx, func(run query) (f found, err error) {
		var rev uint64
		if list, rev, err = s.getMany(ctx, run, keys); err == nil && s.options.Standby {
			f.row(changes, rev)
		}
		return f, err
	})
	return list, err
}

// getMany also returns the newest revision that was there, if the standby matters: a record that is missing says nothing of
// its own, and may have been there a moment ago.
func (s *Store) getMany(ctx context.Context, run query, keys []string) ([]journal.Record, uint64, error) {
	list, names := make([]journal.Record, len(keys)), make([][]byte, len(keys))
	for i, key := range keys {
		list[i].Key, names[i] = key, []byte(key)
	}
	rows, err := run(ctx, s.sql(`SELECT q.n, r.value, coalesce(r.seq, 0), coalesce(r.count, 0), coalesce(r.pos, 0), CASE WHEN $2 THEN (`+newest+`) ELSE 0 END
		FROM unnest($1::bytea[]) WITH ORDINALITY q(key, n) LEFT JOIN $.record r ON r.key = q.key`), names, s.options.Standby)
	if err != nil {
		return nil, 0, refusal(err)
	}
	var n int
	var value []byte
	var seq, count, pos, rev int64
	_, err = pgx.ForEachRow(rows, []any{&n, &value, &seq, &count, &pos, &rev}, func() error {
		list[n-1].Value, list[n-1].Stamp = value, stamp(seq, count, pos)
		return nil
	})
	if err != nil {
		return nil, 0, refusal(err)
	}
	return list, uint64(rev), nil
}

// newest is the newest revision: old changes are forgotten, but for their number.
const newest = `SELECT greatest(p.pos, (SELECT c.rev FROM $.change c ORDER BY c.rev DESC LIMIT 1)) FROM $.part p WHERE p.id = -1`

func stamp(seq, count, pos int64) journal.Stamp {
	return journal.Stamp{Seq: journal.Seq(seq), Count: uint64(count), Position: journal.Position(pos)}
}

// Scan is that of shared.Engine. Few records are read before each is called for them. Of many it holds some at a
// time, over a connection of its own: how long each takes is not known, and a snapshot stays open meanwhile.
func (s *Store) Scan(ctx context.Context, prefixes []string, each func(prefix int, r journal.Record) error) (revision uint64, err error) {
	var few [][]journal.Record
	all := true
	err = pgx.BeginTxFunc(ctx, s.pool, snapshot, func(tx pgx.Tx) (err error) {
		if revision, err = s.revision(ctx, tx); err != nil {
			return err
		}
		left := scanned
		for _, prefix := range prefixes {
			list, err := s.scan(ctx, tx, []byte(prefix), behind(prefix), left)
			if err != nil {
				return err
			}
			few, left = append(few, list), left-len(list)
			if left <= 0 {
				all = false
				break
			}
		}
		return nil
	})
	if err != nil {
		return 0, refusal(err)
	}
	if !all {
		return s.scanMany(ctx, prefixes, each)
	}
	for i, list := range few {
		for _, r := range list {
			if err := each(i, r); err != nil {
				return 0, err
			}
		}
	}
	return revision, nil
}

func (s *Store) scanMany(ctx context.Context, prefixes []string, each func(prefix int, r journal.Record) error) (revision uint64, err error) {
	conn, err := pgx.ConnectConfig(ctx, s.address.with(s.sockets.dial, pgx.QueryExecModeCacheDescribe))
	if err != nil {
		return 0, refusal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var own error // of each
	err = pgx.BeginTxFunc(ctx, conn, snapshot, func(tx pgx.Tx) (err error) {
		if revision, err = s.revision(ctx, tx); err != nil {
			return err
		}
		for i, prefix := range prefixes {
			for from := []byte(prefix); from != nil; {
				list, err := s.scan(ctx, tx, from, behind(prefix), scanned)
				if err != nil {
					return err
				}
				from = nil
				if len(list) == scanned {
					from = append([]byte(list[scanned-1].Key), 0)
				}
				for _, r := range list {
					if own = each(i, r); own != nil {
						return own
					}
				}
			}
		}
		return nil
	})
	switch {
	case own != nil:
		return 0, own
	case err != nil:
		return 0, refusal(err)
	}
	return revision, nil
}

var snapshot = pgx.TxOptions{IsoLevel: pgx.RepeatableRead}

// revision is the newest of a snapshot. If the standby may lack it, the transaction waits for it at its end.
func (s *Store) revision(ctx context.Context, tx pgx.Tx) (uint64, error) {
	var rev int64
	err := tx.QueryRow(ctx, s.sql(newest)).Scan(&rev)
	f := found{rows: map[int]uint64{changes: uint64(rev)}}
	if err == nil && s.options.Standby && !s.safe.has(f) {
		_, err = tx.Exec(ctx, wait)
	}
	return uint64(rev), err
}

// scanned is how many records are read at once.
const scanned = 256

// scan reads records from a key on, below another one unless that is nil.
func (s *Store) scan(ctx context.Context, tx pgx.Tx, from, below []byte, limit int) (list []journal.Record, err error) {
	rows, err := tx.Query(ctx, s.sql(`SELECT r.key, r.value, r.seq, r.count, r.pos FROM $.record r WHERE r.key >= $1 AND ($2::bytea IS NULL OR r.key < $2) ORDER BY r.key LIMIT $3`), from, below, limit)
	if err != nil {
		return nil, err
	}
	var key, value []byte
	var seq, count, pos int64
	_, err = pgx.ForEachRow(rows, []any{&key, &value, &seq, &count, &pos}, func() error {
		list = append(list, journal.Record{Key: string(key), Value: value, Stamp: stamp(seq, count, pos)})
		return nil
	})
	return list, err
}

// behind is the first key that is above all that begin with prefix, or nil if there is none.
func behind(prefix string) []byte {
	b := []byte(prefix)
	for len(b) > 0 && b[len(b)-1] == 0xff {
		b = b[:len(b)-1]
	}
	if len(b) == 0 {
		return nil
	}
	b[len(b)-1]++
	return b
}

// Swap is that of shared.Engine.
func (s *Store) Swap(changes []shared.Change) ([]shared.Swapped, error) {
	n := len(changes)
	keys, olds, news, blinds := make([][]byte, n), make([][]byte, n), make([][]byte, n), make([]bool, n)
	for i, c := range changes {
		keys[i], olds[i], news[i], blinds[i] = []byte(c.Key), c.Old, c.New, c.Blind
	}
	rows, err := s.records.query(s.sql(`SELECT * FROM $.swap($1, $2, $3, $4)`), keys, olds, news, blinds)
	if err != nil {
		return nil, err
	}
	out := make([]shared.Swapped, n)
	answered, i := 0, 0
	var rev int64
	var now []byte
	_, err = pgx.ForEachRow(rows, []any{&i, &rev, &now}, func() error {
		out[i-1] = shared.Swapped{Revision: uint64(rev), Now: now}
		answered++
		return nil
	})
	if err == nil && answered != n {
		err = fmt.Errorf("swap answered %d of %d changes", answered, n)
	}
	if err != nil {
		return nil, commitError(err)
	}
	return out, nil
}

// Changes is that of shared.Engine.
func (s *Store) Changes(ctx context.Context, after uint64, limit int) (list []shared.Changed, err error) {
	err = s.shown(ctx, func(run query) (f found, err error) {
		if list, err = s.changes(ctx, run, after, limit); err == nil && len(list) > 0 {
			f.row(changes, list[len(list)-1].Revision)
		}
		return f, err
	})
	return list, err
}

func (s *Store) changes(ctx context.Context, run query, after uint64, limit int) (list []shared.Changed, err error) {
	rows, err := run(ctx, s.sql(`SELECT c.rev, c.key, c.value, c.pos FROM $.change c WHERE c.rev > $1 ORDER BY c.rev LIMIT $2`), int64(after), limit)
	if err != nil {
		return nil, refusal(err)
	}
	var rev, pos int64
	var key, value []byte
	_, err = pgx.ForEachRow(rows, []any{&rev, &key, &value, &pos}, func() error {
		list = append(list, shared.Changed{Revision: uint64(rev), Record: journal.Record{Key: string(key), Value: value, Stamp: stamp(0, 0, pos)}})
		return nil
	})
	if err != nil {
		return nil, refusal(err)
	}
	return list, nil
}

// RestoreRecords is that of shared.Engine. Nothing cancels it: see Commit.
func (s *Store) RestoreRecords(ctx context.Context, list []journal.Record) (written int, err error) {
	n := len(list)
	keys, values, seqs, counts := make([][]byte, n), make([][]byte, n), make([]int64, n), make([]int64, n)
	for i, r := range list {
		keys[i], values[i], seqs[i], counts[i] = []byte(r.Key), r.Value, int64(r.Stamp.Seq), int64(r.Stamp.Count)
	}
	err = s.pool.QueryRow(context.WithoutCancel(ctx), s.sql(`SELECT $.restore_records($1, $2, $3, $4)`), keys, values, seqs, counts).Scan(&written)
	if err != nil {
		return 0, commitError(err)
	}
	return written, nil
}
