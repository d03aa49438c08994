package acts

import (
	"context"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// History is the act of reading a page of any room that the actor may read. limit
// bounds the entries if it is above 0.
func (a Turn) History(ctx context.Context, q journal.Query, limit int) (p Page, err error) {
	if err := CheckRoom(q.Room); err != nil {
		return p, err
	}
	in, err := a.reader(ctx, q.Room)
	if err != nil {
		return p, err
	}
	if err := a.mayReadNow(); err != nil {
		return p, err
	}
	bounds := pageBounds{a.core.settings().MaxPage, PageBytes, 1}
	if limit > 0 {
		bounds.entries = min(bounds.entries, limit)
	}
	if p.Page, err = a.readPage(ctx, q, &in, bounds); err == nil {
		p.Tags, err = a.tagsOf(ctx, q.Room, &p.Page)
	}
	return p, err
}

// tagCost is what a tag counts for that was read for a page.
const tagCost = 64

// tagsOf reads the tags of a page.
func (a *Actor) tagsOf(ctx context.Context, room string, page *journal.Page) (tags.OfPage, error) {
	of, n, err := tags.Load(ctx, a.core.journal.Records(), room, a.User().ID, page.Entries)
	if n > 0 {
		a.owe(n * tagCost)
	}
	return of, err
}

// pageBounds bound a page: at most entries entries and about bytes bytes, but never
// fewer than least entries if there are that many.
type pageBounds struct{ entries, bytes, least int }

// readPage reads what the actor is shown of a room.
func (a *Actor) readPage(ctx context.Context, q journal.Query, in *standing, bounds pageBounds) (journal.Page, error) {
	q.Limit, q.Bytes = bounds.entries, bounds.bytes
	s, err := a.shownOf(ctx, q.Room, in)
	if err != nil {
		return journal.Page{}, err
	}
	page, err := a.read(ctx, q)
	if err != nil {
		return page, err
	}
	now := time.Now()
	s.hide(&page, q.Backward, now)
	if !q.Backward && page.More && len(page.Entries) == 0 {
		// Everything that was read is hidden: go on with the first entry that is
		// not, or the reader would ask for the same again and again.
		if q.After, err = a.lastHidden(ctx, q.Room, &s, &page, now); err != nil {
			return page, err
		}
		if page, err = a.read(ctx, q); err != nil {
			return page, err
		}
		s.hide(&page, q.Backward, now)
	}
	shorten(&page, q.Backward, bounds)
	return page, nil
}

// lastHidden returns the number of the newest entry that is hidden. page is one of the
// room after hide. Times never decrease within a room, so it searches by halves: some
// twenty reads of one entry in a room of a million. Whoever comes after that looks
// only at what has become too old since: mostly at one entry.
func (a *Actor) lastHidden(ctx context.Context, name string, s *shown, page *journal.Page, now time.Time) (journal.Seq, error) {
	low, high := page.First-1, page.Last // low is hidden, or before what is kept
	if s.history.Age <= 0 {
		return low, nil
	}
	if from, _ := s.from(page); from > 0 {
		high = min(high, from-1)
	}
	k := aged{name, s.history.Age}
	known := a.core.hidden.of(k, page.Epoch, now)
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
		found, err := a.read(ctx, journal.Query{Room: name, After: middle - 1, Limit: 1})
		if err != nil {
			return 0, err
		}
		low = max(low, found.First-1) // retention may be faster
		// Where the store is damaged, the entry is not the one with the number middle.
		if len(found.Entries) == 0 || !isOlder(&found.Entries[0], s.history.Age, now) {
			high, step = middle-1, 0
		} else {
			low = max(low, found.Entries[0].Seq)
		}
	}
	if low > known {
		a.core.hidden.note(k, hiddenTo{page.Epoch, low, now})
	}
	return low, nil
}

// shorten removes the entries that exceed the bounds, at the end that lies in the
// direction of reading.
func shorten(p *journal.Page, backward bool, bounds pageBounds) {
	n, size := 0, 0
	for n < len(p.Entries) {
		i := n
		if backward {
			i = len(p.Entries) - 1 - n
		}
		if size += jsonSize(&p.Entries[i]); n >= bounds.least && size > bounds.bytes {
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

// jsonSize returns about how many bytes an entry takes in a frame of chat.v1.
func jsonSize(e *journal.Entry) int {
	size := e.Size()
	if e.Text {
		for _, c := range e.Body {
			if c < ' ' {
				size += 5 // \u00xx
			}
		}
	}
	return size
}
