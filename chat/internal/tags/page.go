package tags

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// some is how many users of a tag are named.
const some = 3

// OfPage are the tags of the messages of a page.
type OfPage map[journal.Seq][]wire.Tag

// Load reads the tags of entries of a room, which stand in their order, as a user is shown
// them. It costs one or two scans, and returns how many records there were.
func Load(ctx context.Context, records journal.Records, room, user string, entries []journal.Entry) (of OfPage, n int, err error) {
	shown := map[journal.Seq]bool{}
	for i := range entries {
		if e := &entries[i]; e.Kind.Erasable() && !e.Recalled {
			shown[e.Seq] = true
		}
	}
	if len(shown) == 0 {
		return nil, 0, nil
	}
	found := map[journal.Seq][]tag{}
	first, last := entries[0].Seq, entries[len(entries)-1].Seq
	for _, prefix := range blocks(room, first, last) {
		err := records.Scan(ctx, prefix, func(r journal.Record) error {
			t, ok := parse(room, r)
			if ok && t.seq > last {
				return errEnd
			}
			if n++; ok && shown[t.seq] {
				found[t.seq] = append(found[t.seq], t)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnd) {
			return nil, n, err
		}
	}
	if len(found) == 0 {
		return nil, n, nil
	}
	of = OfPage{}
	for seq, list := range found {
		of[seq] = summary(list, user)
	}
	return of, n, nil
}

var errEnd = errors.New("the page ends")

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
