package pgjournal

import (
	"encoding/binary"
	"fmt"
	"strconv"

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

// rowSize is what a row counts for without its body, in the column size.
const rowSize = 320

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
