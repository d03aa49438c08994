package pgjournal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// Flags of a row.
const (
	flagText = 1 << iota
	flagRecalled
	flagQuiet
	flagGuest
	flagErasable
	flagCounts
)

// Commit is that of shared.Engine.
func (s *Store) Commit(b shared.Batch) (shared.Committed, error) {
	if b.Part < 0 || b.Part >= len(s.parts) || len(b.Items) > shared.MaxBatch {
		return shared.Committed{}, fmt.Errorf("part %d with %d entries: %w", b.Part, len(b.Items), journal.ErrLimit)
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

// life is the epoch of a room that was born at a position.
func life(epoch string, born int64) string {
	if born == 0 {
		return epoch
	}
	return epoch + "." + strconv.FormatInt(born, 10)
}

// known is what a batch says that its node knows of the store.
func known(b shared.Batch) []any { return []any{b.Epoch, int64(b.Seen.Row), b.Seen.Nonce[:]} }

func arguments(standby bool, b shared.Batch) []any {
	n := len(b.Items)
	names, at := [][]byte{}, map[string]int32{}
	rooms, flags, kinds := make([]int32, n), make([]int32, n), make([]int16, n)
	claims, users, whos, keys, bodies := make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n)
	targets, sinces, counts := make([]int64, n), make([]int64, n), make([]int16, n)
	governs, effects := make([]bool, n), make([]int16, n)
	withs, wkeys, wvalues := []int32{}, [][]byte{}, [][]byte{}
	for i, item := range b.Items {
		e := item.Entry
		if at[e.Room] == 0 {
			names = append(names, []byte(e.Room))
			at[e.Room] = int32(len(names))
		}
		rooms[i], kinds[i], flags[i] = at[e.Room], int16(e.Kind), rowFlags(e)
		claims[i], users[i], whos[i], bodies[i] = item.Claim[:], []byte(e.From.ID), packWho(e), e.Body
		if e.Key != "" {
			keys[i] = []byte(e.Key)
		}
		if e.Counts() {
			counts[i] = 1
		}
		targets[i], sinces[i] = int64(e.Target), int64(e.Since)
		governs[i], effects[i] = e.Kind.Governs(), int16(e.Kind.Effect())
		if e.Kind.Effect() == journal.Replace && e.Body == nil {
			bodies[i] = []byte{}
		}
		for _, r := range e.With {
			withs, wkeys, wvalues = append(withs, int32(i+1)), append(wkeys, []byte(r.Key)), append(wvalues, r.Value)
		}
	}
	return []any{standby, int32(b.Part), b.Nonce[:], names, rooms, claims, kinds, flags, users, whos, keys, targets, bodies, sinces, counts, governs, effects, withs, wkeys, wvalues}
}

func rowFlags(e *journal.Entry) (f int32) {
	for bit, is := range [...]bool{e.Text, false, e.Quiet, e.From.Guest, e.Kind.Erasable(), e.Counts()} {
		if is {
			f |= 1 << bit
		}
	}
	return f
}

// packWho packs what no statement looks at: name, avatar, via and mentions, each behind its length.
func packWho(e *journal.Entry) []byte {
	b := []byte{}
	for _, t := range append([]string{e.From.Name, e.From.Avatar, e.Via}, e.Mentions...) {
		b = append(binary.AppendUvarint(b, uint64(len(t))), t...)
	}
	return b
}

func unpackWho(b []byte, e *journal.Entry) error {
	var texts []string
	for len(b) > 0 {
		n, k := binary.Uvarint(b)
		if k <= 0 || n > uint64(len(b)-k) {
			return fmt.Errorf("entry %d of the room %q: the column who can't be read: restore it from a backup", e.Seq, e.Room)
		}
		texts, b = append(texts, string(b[k:k+int(n)])), b[k+int(n):]
	}
	if len(texts) < 3 {
		return fmt.Errorf("entry %d of the room %q: the column who is too short: restore it from a backup", e.Seq, e.Room)
	}
	e.From.Name, e.From.Avatar, e.Via = texts[0], texts[1], texts[2]
	if len(texts) > 3 {
		e.Mentions = texts[3:]
	}
	return nil
}
