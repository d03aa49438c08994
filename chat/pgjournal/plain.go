package pgjournal

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// Most batches are plain: their entries do nothing to others. The functions append_plain and append_entry record them in
// less than half the time of append, as long as no key is known and each room is there. Otherwise append is asked.

// plain reports whether a batch may be recorded by append_plain.
func plain(b shared.Batch) bool {
	return len(b.Items) > 0 && !slices.ContainsFunc(b.Items, func(item shared.Item) bool {
		e := item.Entry
		return e.Kind.Effect() != 0 || e.Kind.Governs() || e.Since > 0 || len(e.With) > 0
	})
}

// commitOne is commitPlain for a batch of one entry.
func (s *Store) commitOne(b shared.Batch) (c shared.Committed, err error) {
	p, e, counted, key := s.parts[b.Part], b.Items[0].Entry, 0, []byte(nil)
	if e.Counts() {
		counted = 1
	}
	if e.Key != "" {
		key = []byte(e.Key)
	}
	rows, err := p.query(s.sql(`SELECT $.append_entry($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`),
		append(known(b), s.options.Standby, int32(b.Part), b.Nonce[:], []byte(e.Room), p.newest[e.Room], int32(counted), rowSize+int64(len(e.Body)),
			b.Items[0].Claim[:], int16(e.Kind), rowFlags(e), []byte(e.From.ID), packWho(e), key, int64(e.Target), e.Body)...)
	if err != nil {
		return c, err
	}
	var answer []int64
	_, err = pgx.ForEachRow(rows, []any{&answer}, func() error { return nil })
	switch {
	case err != nil:
		return shared.Committed{}, commitError(err)
	case answer == nil:
		delete(p.newest, e.Room)
		return c, nil
	case len(answer) != 6: // a pooler has mixed something up
		return c, commitError(fmt.Errorf("append_entry answered %d numbers in place of 6", len(answer)))
	}
	c.Alone, c.Row = answer[0] == 1, uint64(answer[1])
	r := journal.Receipt{Epoch: life(b.Epoch, answer[2]), Seq: journal.Seq(answer[3]), At: answer[4], Count: uint64(answer[5]), Position: shared.LastOf(c.Row-1) + 1}
	c.Outcomes = []shared.Outcome{{Receipt: r}}
	p.note(answer[3], e.Room)
	return c, nil
}

// maxNewest is how many rooms a committer knows a number of.
const maxNewest = 4096

// note keeps the newest number of a room.
func (c *committer) note(number int64, room string) {
	if len(c.newest) >= maxNewest {
		clear(c.newest)
	}
	c.newest[room] = number
}

// commitPlain records a plain batch, or nothing: then c.Row is 0.
func (s *Store) commitPlain(b shared.Batch) (c shared.Committed, err error) {
	if len(b.Items) == 1 {
		return s.commitOne(b)
	}
	p := s.parts[b.Part]
	order, rooms := byRoom(b.Items)
	sorted := b
	sorted.Items = make([]shared.Item, len(order))
	for i, n := range order {
		sorted.Items[i] = b.Items[n]
	}
	args := arguments(s.options.Standby, sorted) // standby, part, nonce, names, rooms, claims, kinds, flags, users, whos, keys, targets, bodies, …
	took, froms := make([]int32, len(rooms)), make([]int64, len(rooms))
	places, counted, grown := make([]int32, len(order)), make([]int32, len(order)), make([]int64, len(order))
	at := args[4].([]int32) // from 1
	for i, item := range sorted.Items {
		if i > 0 && at[i] == at[i-1] {
			counted[i], grown[i] = counted[i-1], grown[i-1]
		}
		if item.Entry.Counts() {
			counted[i]++
		}
		grown[i] += rowSize + int64(len(item.Entry.Body))
		took[at[i]-1]++
		places[i] = took[at[i]-1]
	}
	for i, room := range rooms {
		froms[i] = p.newest[room]
	}
	rows, err := p.query(s.sql(`SELECT * FROM $.append_plain($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`),
		append(known(b), args[0], args[1], args[2], args[3], took, froms, args[4], places, counted, grown, args[5], args[6], args[7], args[8], args[9], args[10], args[11], args[12])...)
	if err != nil {
		return c, err
	}
	var born, was, ats, counts []int64
	var row int64
	_, err = pgx.ForEachRow(rows, []any{&c.Alone, &row, &born, &was, &ats, &counts}, func() error { return nil })
	switch {
	case err != nil:
		return shared.Committed{}, commitError(err)
	case row == 0:
		clear(p.newest)
		return c, nil
	}
	c.Row, c.Outcomes = uint64(row), make([]shared.Outcome, len(order))
	for i, n := range order {
		r := at[i] - 1
		c.Outcomes[n].Receipt = journal.Receipt{Epoch: life(b.Epoch, born[r]), Seq: journal.Seq(was[r] + int64(places[i])), At: ats[r], Count: uint64(counts[r] + int64(counted[i])),
			Position: shared.LastOf(c.Row-1) + journal.Position(i+1)}
		p.note(was[r]+int64(places[i]), rooms[r])
	}
	return c, nil
}

// byRoom returns the order of items in which those of a room follow each other, and the rooms.
func byRoom(items []shared.Item) (order []int, rooms []string) {
	at := map[string]int{}
	of := make([]int, len(items))
	for i, item := range items {
		n, there := at[item.Entry.Room]
		if !there {
			n = len(rooms)
			at[item.Entry.Room], rooms = n, append(rooms, item.Entry.Room)
		}
		of[i], order = n, append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return of[a] - of[b] })
	return order, rooms
}
