package acts

import (
	"context"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// History is the act of reading a page of any room that the actor may read. limit
// bounds the entries if it is above 0.
func (a *Actor) History(ctx context.Context, q journal.Query, limit int) (journal.Page, error) {
	if err := a.mayUse(q.Room); err != nil {
		return journal.Page{}, err
	}
	bounds := pageBounds{a.core.settings().MaxPage, PageBytes, 1}
	if limit > 0 {
		bounds.entries = min(bounds.entries, limit)
	}
	return a.readPage(ctx, q, bounds)
}

// pageBounds bound a page: at most entries entries and about bytes bytes, but never
// fewer than least entries if there are that many.
type pageBounds struct{ entries, bytes, least int }

// readPage reads what the actor is shown of a room.
func (a *Actor) readPage(ctx context.Context, q journal.Query, bounds pageBounds) (journal.Page, error) {
	q.Limit, q.Bytes = bounds.entries, bounds.bytes
	page, err := a.core.journal.Read(ctx, q)
	if err != nil {
		return page, err
	}
	shown, now := a.Rights(q.Room).History, time.Now()
	hide(&page, shown, q.Backward, now)
	if !q.Backward && page.More && len(page.Entries) == 0 {
		// Everything that was read is hidden: go on with the first entry that is
		// not, or the reader would ask for the same again and again.
		if q.After, err = a.core.lastHidden(ctx, q.Room, shown, page, now); err != nil {
			return page, err
		}
		if page, err = a.core.journal.Read(ctx, q); err != nil {
			return page, err
		}
		hide(&page, shown, q.Backward, now)
	}
	shorten(&page, q.Backward, bounds)
	return page, nil
}

// lastHidden returns the number of the newest entry that the policy hides. page is
// one of the room after hide. Times never decrease within a room, so it searches
// by halves: some twenty reads of one entry in a room of a million.
func (c *Core) lastHidden(ctx context.Context, name string, h access.History, page journal.Page, now time.Time) (journal.Seq, error) {
	low, high := page.First-1, page.Last // low is hidden, or before what is kept
	if h.Age <= 0 {
		return low, nil
	}
	for low < high {
		middle := low + (high-low+1)/2
		found, err := c.journal.Read(ctx, journal.Query{Room: name, After: middle - 1, Limit: 1})
		if err != nil {
			return 0, err
		}
		low = max(low, found.First-1) // retention may be faster
		// Where the store is damaged, the entry is not the one with the number middle.
		if len(found.Entries) == 0 || !isOlder(&found.Entries[0], h.Age, now) {
			high = middle - 1
		} else {
			low = max(low, found.Entries[0].Seq)
		}
	}
	return low, nil
}

func isOlder(e *journal.Entry, age time.Duration, now time.Time) bool {
	return now.Sub(time.UnixMilli(e.At)) > age
}

// hide removes entries that the policy does not show, and raises First
// accordingly, as if they were not kept.
func hide(p *journal.Page, h access.History, backward bool, now time.Time) {
	switch {
	case h.Entries < 0:
		p.First = p.Last + 1
	case h.Entries > 0 && p.Last > journal.Seq(h.Entries):
		p.First = max(p.First, p.Last-journal.Seq(h.Entries)+1)
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		if h.Age > 0 && isOlder(e, h.Age, now) {
			p.First = max(p.First, e.Seq+1)
		}
	}
	hidden := 0
	for hidden < len(p.Entries) && p.Entries[hidden].Seq < p.First {
		hidden++
	}
	if backward && len(p.Entries) > 0 && p.Entries[0].Seq <= p.First {
		p.More = false
	}
	p.Entries = p.Entries[hidden:]
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

// Newest returns the number of a room's newest entry; 0: it has none.
func (a *Actor) Newest(ctx context.Context, room string) (journal.Seq, error) {
	page, err := a.core.journal.Read(ctx, journal.Query{Room: room, Backward: true, Limit: 1})
	return page.Last, err
}

// LastMessages returns what a raw client hears first, oldest first, and the number
// of the room's newest entry: the last n messages up to joined that the policy
// shows, and all messages after that. joined is the newest entry from before the
// client joined. What was said later is never hidden and does not count towards n:
// the client is in the room, and would not get it otherwise.
func (a *Actor) LastMessages(ctx context.Context, room string, joined journal.Seq, n int) ([]journal.Entry, journal.Seq, error) {
	var found []journal.Entry // newest first
	var last journal.Seq
	older := 0 // of found, up to joined
	for q := (journal.Query{Room: room, Backward: true, Limit: n, Bytes: PageBytes}); older < n; {
		page, err := a.core.journal.Read(ctx, q)
		if err != nil {
			return nil, 0, err
		}
		if q.Before == 0 {
			last = page.Last
		}
		page.Last = min(page.Last, joined) // so that hide counts from there
		hide(&page, a.Rights(room).History, true, time.Now())
		for _, e := range slices.Backward(page.Entries) {
			if e.Kind.Raw() == journal.NoRawFrame || e.Recalled || e.Seq <= joined && older == n {
				continue
			}
			if e.Seq <= joined {
				older++
			}
			found = append(found, e)
		}
		if !page.More || len(page.Entries) == 0 {
			break
		}
		q.Before = page.Entries[0].Seq
	}
	slices.Reverse(found)
	return found, last, nil
}
