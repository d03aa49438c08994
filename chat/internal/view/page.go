package view

import (
	"context"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Bounds bound a page: at most Entries entries and about Bytes bytes, but never fewer
// than Least entries if there are that many.
type Bounds struct{ Entries, Bytes, Least int }

// Page reads what is shown of the room.
func (v *View) Page(ctx context.Context, q journal.Query, bounds Bounds) (journal.Page, error) {
	q.Limit, q.Bytes = bounds.Entries, bounds.Bytes
	page, err := v.Read(ctx, q)
	if err != nil {
		return page, err
	}
	now := time.Now()
	v.Hide(&page, q.Backward, now)
	if !q.Backward && page.More && len(page.Entries) == 0 {
		// Everything that was read is hidden: go on with the first entry that is
		// not, or the reader would ask for the same again and again.
		if q.After, err = v.lastHidden(ctx, &page, now); err != nil {
			return page, err
		}
		if page, err = v.Read(ctx, q); err != nil {
			return page, err
		}
		v.Hide(&page, q.Backward, now)
	}
	Shorten(&page, q.Backward, bounds)
	_, err = v.Veil(ctx, &page, false)
	return page, err
}

// Veil removes, from a page after Hide, what its entries say of those that are not shown:
// they have no bodies then. It returns the first entry of the room that is shown; if live is
// not set, that may be too low unless the page needs it. Nothing is hidden: 0.
//
// It costs reads only where the policy hides what is too old: see lastHidden.
func (v *View) Veil(ctx context.Context, p *journal.Page, live bool) (first journal.Seq, err error) {
	if !v.Hides() {
		return 0, nil
	}
	first = p.First
	begins := p.Last + 1
	if len(p.Entries) > 0 {
		begins = p.Entries[0].Seq
	}
	if begins > first && (live || revealsBelow(p.Entries, first, begins)) { // what lies between may be too old
		if v.searched == 0 {
			if _, err := v.lastHidden(ctx, p, time.Now()); err != nil {
				return 0, err
			}
		}
		first = max(first, v.searched)
	}
	for i := range p.Entries {
		if e := &p.Entries[i]; e.Kind.Reveals() && e.Target < first {
			e.Body = nil
		}
	}
	return first, nil
}

// revealsBelow reports whether an entry reveals one from first on, below another number.
func revealsBelow(entries []journal.Entry, first, below journal.Seq) bool {
	return slices.ContainsFunc(entries, func(e journal.Entry) bool {
		return e.Kind.Reveals() && e.Target >= first && e.Target < below
	})
}

// lastHidden returns the number of the newest entry that is hidden. page is one of the
// room after hide. Times never decrease within a room, so it searches by halves: some
// twenty reads of one entry in a room of a million. Whoever comes after that looks
// only at what has become too old since: mostly at one entry.
func (v *View) lastHidden(ctx context.Context, page *journal.Page, now time.Time) (journal.Seq, error) {
	low, high := page.First-1, page.Last // low is hidden, or before what is kept
	if v.History.Age <= 0 {
		v.searched = low + 1
		return low, nil
	}
	if from, _ := v.from(page); from > 0 {
		high = min(high, from-1)
	}
	k := aged{v.Room, v.History.Age}
	known := v.Hidden.of(k, page.Epoch, now)
	low = min(max(low, known), high)
	step := journal.Seq(0) // by halves
	if low == known && known > 0 {
		step = 1
	}
	for low < high {
		middle := low + (high-low+1)/2
		if step > 0 { // what is too old since is likely little
			middle = min(low+step, high)
			step *= 2
		}
		found, err := v.Read(ctx, journal.Query{Room: v.Room, After: middle - 1, Limit: 1})
		if err != nil {
			return 0, err
		}
		low = max(low, found.First-1) // retention may be faster
		// Where the store is damaged, the entry is not the one with the number middle.
		if len(found.Entries) == 0 || !isOlder(&found.Entries[0], v.History.Age, now) {
			high, step = middle-1, 0
		} else {
			low = max(low, found.Entries[0].Seq)
		}
	}
	if low > known {
		v.Hidden.note(k, hiddenTo{page.Epoch, low, now})
	}
	v.searched = low + 1
	return low, nil
}

// Shorten removes the entries that exceed the bounds, at the end that lies in the
// direction of reading.
func Shorten(p *journal.Page, backward bool, bounds Bounds) {
	n, size := 0, 0
	for n < len(p.Entries) {
		i := n
		if backward {
			i = len(p.Entries) - 1 - n
		}
		if size += wire.JSONSize(&p.Entries[i]); n >= bounds.Least && size > bounds.Bytes {
			p.More = true
			break
		}
		n++
	}
	if backward {
		p.Entries = p.Entries[len(p.Entries)-n:]
	} else {
		p.Entries = p.Entries[:n]
	}
}

// IsHeard reports whether raw clients hear an entry as text.
func IsHeard(e *journal.Entry) bool { return e.Kind.Raw() != journal.NoRawFrame && !e.Recalled }

// Heard returns the entries that raw clients hear. It is never nil.
func Heard(entries []journal.Entry) []journal.Entry {
	list := make([]journal.Entry, 0, len(entries))
	for i := range entries {
		if IsHeard(&entries[i]) {
			list = append(list, entries[i])
		}
	}
	return list
}
