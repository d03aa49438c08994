package pgjournal

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// GetMany is that of shared.Engine.
func (s *Store) GetMany(ctx context.Context, keys []string) ([]journal.Record, error) {
	list, names := make([]journal.Record, len(keys)), make([][]byte, len(keys))
	for i, key := range keys {
		list[i].Key, names[i] = key, []byte(key)
	}
	rows, err := s.pool.Query(ctx, s.sql(`SELECT q.n, r.value, r.seq, r.count, r.pos FROM unnest($1::bytea[]) WITH ORDINALITY q(key, n) JOIN $.record r ON r.key = q.key`), names)
	if err != nil {
		return nil, refusal(err)
	}
	var n int
	var value []byte
	var seq, count, pos int64
	_, err = pgx.ForEachRow(rows, []any{&n, &value, &seq, &count, &pos}, func() error {
		list[n-1].Value, list[n-1].Stamp = value, stamp(seq, count, pos)
		return nil
	})
	if err != nil {
		return nil, refusal(err)
	}
	return list, nil
}

func stamp(seq, count, pos int64) journal.Stamp {
	return journal.Stamp{Seq: journal.Seq(seq), Count: uint64(count), Position: journal.Position(pos)}
}

// Scan is that of shared.Engine.
func (s *Store) Scan(ctx context.Context, prefixes []string) (found [][]journal.Record, revision uint64, err error) {
	found = make([][]journal.Record, len(prefixes))
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		var rev int64
		if err := tx.QueryRow(ctx, s.sql(`SELECT greatest(p.pos, (SELECT c.rev FROM $.change c ORDER BY c.rev DESC LIMIT 1)) FROM $.part p WHERE p.id = -1`)).Scan(&rev); err != nil {
			return err
		}
		revision = uint64(rev)
		for i, prefix := range prefixes {
			rows, err := tx.Query(ctx, s.sql(`SELECT r.key, r.value, r.seq, r.count, r.pos FROM $.record r WHERE r.key >= $1 AND ($2::bytea IS NULL OR r.key < $2) ORDER BY r.key`),
				[]byte(prefix), behind(prefix))
			if err != nil {
				return err
			}
			var key, value []byte
			var seq, count, pos int64
			if _, err := pgx.ForEachRow(rows, []any{&key, &value, &seq, &count, &pos}, func() error {
				found[i] = append(found[i], journal.Record{Key: string(key), Value: value, Stamp: stamp(seq, count, pos)})
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, refusal(err)
	}
	return found, revision, nil
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
	rows, err := s.pool.Query(ctx, s.sql(`SELECT c.rev, c.key, c.value, c.pos FROM $.change c WHERE c.rev > $1 ORDER BY c.rev LIMIT $2`), int64(after), limit)
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
