package pgjournal

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// Commit is that of shared.Engine.
func (s *Store) Commit(b shared.Batch) (shared.Committed, error) {
	c, err := s.commit(b)
	if err == nil && c.Row > 0 && s.options.Standby {
		s.safe.note(b.Epoch, found{rows: map[int]uint64{b.Part: c.Row}})
	}
	return c, err
}

func (s *Store) commit(b shared.Batch) (shared.Committed, error) {
	if b.Part < 0 || b.Part >= len(s.parts) || len(b.Items) > shared.MaxBatch {
		return shared.Committed{}, fmt.Errorf("part %d with %d entries: %w", b.Part, len(b.Items), journal.ErrLimit)
	}
	if plain(b) {
		if c, err := s.commitPlain(b); err != nil || c.Row > 0 {
			return c, err
		}
	}
	rows, err := s.parts[b.Part].query(s.sql(`SELECT *, (SELECT count(*) < 2 FROM $.node n WHERE n.beat > clock_timestamp() - interval '10 seconds')
		FROM $.append_seen($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)`),
		append(known(b), arguments(s.options.Standby, b)...)...)
	if err != nil {
		return shared.Committed{}, err
	}
	c := shared.Committed{Outcomes: make([]shared.Outcome, len(b.Items))}
	answered := 0
	var n, result int
	var seq, at, count, pos, born int64
	_, err = pgx.ForEachRow(rows, []any{&n, &result, &seq, &at, &count, &pos, &born, &c.Alone}, func() error {
		if n < 1 || n > len(c.Outcomes) { // a pooler has mixed something up
			return fmt.Errorf("append answered entry %d of %d", n, len(c.Outcomes))
		}
		o := &c.Outcomes[n-1]
		answered++
		if o.Result = shared.Result(result); o.Result > shared.Known {
			return nil
		}
		o.Receipt = journal.Receipt{Epoch: life(b.Epoch, born), Seq: journal.Seq(seq), At: at, Count: uint64(count), Position: journal.Position(pos), Duplicate: o.Result == shared.Known}
		if o.Result == shared.Recorded {
			c.Row = shared.RowOf(o.Receipt.Position)
		}
		return nil
	})
	if err == nil && answered != len(c.Outcomes) {
		err = fmt.Errorf("append answered %d of %d entries", answered, len(c.Outcomes))
	}
	if err != nil {
		return shared.Committed{}, commitError(err)
	}
	return c, nil
}

// Restore is that of shared.Engine. Nothing cancels it: see Commit.
func (s *Store) Restore(ctx context.Context, r shared.Restored) (shared.Committed, error) {
	args := arguments(false, r.Batch) // standby, part, nonce, names, rooms, claims, kinds, flags, users, whos, keys, targets, bodies, …
	n := len(r.Items)
	edited, seqs, ats, counts, states, effects := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int16, n)
	flags := args[7].([]int32)
	for i, item := range r.Items {
		e := item.Entry
		edited[i], seqs[i], ats[i], counts[i], states[i] = int64(e.Edited), int64(e.Seq), e.At, int64(e.Count), int64(r.States[i])
		if e.Recalled {
			flags[i] |= flagRecalled
		}
		switch effect := e.Kind.Effect(); {
		case effect == journal.Replace && r.Moot[i]:
			effects[i] = 3
		case !r.Moot[i]:
			effects[i] = int16(effect)
		}
	}
	var row, born int64
	err := s.pool.QueryRow(context.WithoutCancel(ctx), s.sql(`SELECT * FROM $.restore_seen($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`),
		append(known(r.Batch), args[1], args[2], []byte(r.Items[0].Entry.Room), int64(r.After), int64(r.Before), args[5], args[6], flags, args[8], args[9], args[10], args[11], edited, args[12], seqs, ats, counts, states, effects)...).
		Scan(&row, &born)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return shared.Committed{}, nil
	case err != nil:
		return shared.Committed{}, commitError(err)
	}
	c := shared.Committed{Row: uint64(row)}
	for i, item := range r.Items {
		e := item.Entry
		c.Outcomes = append(c.Outcomes, shared.Outcome{Receipt: journal.Receipt{Epoch: life(r.Epoch, born), Seq: e.Seq, At: e.At, Count: e.Count,
			Position: shared.LastOf(uint64(row)-1) + journal.Position(i+1)}})
	}
	return c, nil
}

// Succeed is that of shared.Engine.
func (s *Store) Succeed(ctx context.Context, epoch string, dropped bool, above uint64) (empty bool, err error) {
	err = s.pool.QueryRow(ctx, s.sql(`SELECT $.succeed($1, $2, $3)`), epoch, dropped, int64(above)).Scan(&empty)
	if err != nil {
		return false, commitError(err)
	}
	return empty, nil
}

// RestoreHead is that of shared.Engine.
func (s *Store) RestoreHead(ctx context.Context, h shared.RestoredHead) (journal.Position, error) {
	var born int64
	err := s.pool.QueryRow(ctx, s.sql(`SELECT $.restore_head($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`),
		append(known(h.Batch), h.Part, []byte(h.Room), int64(h.Born), int64(h.First), h.At, int64(h.Count), int64(h.State))...).Scan(&born)
	if err != nil {
		return 0, commitError(err)
	}
	return journal.Position(born), nil
}

// ForgetFeed is that of shared.Engine.
func (s *Store) ForgetFeed(ctx context.Context) error {
	if _, err := s.pool.Exec(ctx, s.sql(`SELECT $.forget_feed()`)); err != nil {
		return commitError(err)
	}
	return nil
}
