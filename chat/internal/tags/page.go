package tags

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// some is how many users of a tag are named.
const some = 3

// OfPage are the tags of the messages of a page.
type OfPage map[journal.Seq][]wire.Tag

// Asked is a page of a room whose tags are asked for.
type Asked struct {
	Room    string
	Entries []journal.Entry // in their order
	Pins    bool            // of the room, too
}

// Found is what was found for it.
type Found struct {
	Tags OfPage
	Pins []uint64 // the messages that are pinned in the room, the oldest first
}

// Load reads the tags of pages as a user is shown them, and pins. It reads once for all of
// them, and returns how many records there were.
func Load(ctx context.Context, records journal.Records, user string, asked []Asked) (found []Found, n int, err error) {
	found = make([]Found, len(asked))
	of := make([]map[journal.Seq][]tag, len(asked))
	var prefixes []string
	var whose []int // of the prefixes: the index of who asked
	for i, a := range asked {
		if a.Pins {
			prefixes, whose = append(prefixes, pinsKey(a.Room)), append(whose, i)
		}
		if slices.ContainsFunc(a.Entries, isTagged) {
			for _, block := range blocks(a.Room, a.Entries[0].Seq, a.Entries[len(a.Entries)-1].Seq) {
				prefixes, whose = append(prefixes, block), append(whose, i)
			}
		}
	}
	if len(prefixes) == 0 {
		return found, 0, nil
	}
	err = records.ScanMany(ctx, prefixes, func(p int, r journal.Record) error {
		n++
		i := whose[p]
		if seq, ok := parsePin(asked[i].Room, r); ok {
			found[i].Pins = append(found[i].Pins, seq)
			return nil
		}
		t, ok := parse(asked[i].Room, r)
		if at, there := slices.BinarySearchFunc(asked[i].Entries, t.seq, bySeq); ok && there && isTagged(asked[i].Entries[at]) {
			if of[i] == nil {
				of[i] = map[journal.Seq][]tag{}
			}
			of[i][t.seq] = append(of[i][t.seq], t)
		}
		return nil
	})
	for i := range of {
		if of[i] != nil {
			found[i].Tags = OfPage{}
		}
		for seq, list := range of[i] {
			found[i].Tags[seq] = summary(list, user)
		}
	}
	return found, n, err
}

// isTagged reports whether an entry may have tags that are shown.
func isTagged(e journal.Entry) bool { return e.Kind.Erasable() && !e.Recalled }

func bySeq(e journal.Entry, seq journal.Seq) int { return cmp.Compare(e.Seq, seq) }

// blocks returns what the keys of the tags of a range begin with: each is a block of 256
// numbers, or of 16 if they are few.
func blocks(room string, first, last journal.Seq) (prefixes []string) {
	bits := 8
	if last-first < 32 {
		bits = 4
	}
	for b := first >> bits; b <= last>>bits; b++ {
		prefixes = append(prefixes, fmt.Sprintf("%s%0*x", roomKey(room), 16-bits/4, uint64(b)))
	}
	return prefixes
}

// summary returns the tags of a message: shared ones first, and then those of users in the
// order in which they came.
func summary(list []tag, user string) []wire.Tag {
	slices.SortStableFunc(list, func(a, b tag) int { return cmp.Compare(a.by, b.by) })
	var shared, personal []wire.Tag
	index := map[string]int{}
	for _, t := range list {
		if t.user == "" {
			shared = append(shared, wire.Tag{Tag: t.tag, Value: t.value})
			continue
		}
		i, there := index[t.tag]
		if !there {
			i = len(personal)
			index[t.tag] = i
			personal = append(personal, wire.Tag{Tag: t.tag})
		}
		p := &personal[i]
		p.Users++
		p.Mine = p.Mine || t.user == user
		if len(p.Some) < some {
			p.Some = append(p.Some, t.user)
		}
	}
	return append(shared, personal...)
}

// Entries returns entries as frames show them, with their tags.
func (of OfPage) Entries(entries []journal.Entry) []wire.Entry {
	list := wire.EntriesOf(entries)
	for i := range list {
		if len(of) > 0 {
			list[i].Tags = of[journal.Seq(list[i].Seq)]
		}
	}
	return list
}

// Recall returns the entry that recalls a message. Its key makes two recalls at
// the same time one entry. No key of a client begins so.
func Recall(target journal.Seq) journal.Entry {
	return journal.Entry{Kind: journal.Recall, Target: target, Key: "\x00recall " + strconv.FormatUint(uint64(target), 10)}
}
