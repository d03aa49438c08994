package chat

import (
	"context"
	"time"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// pageBytes is about how much text one answer carries.
const pageBytes = 128 << 10

// pageLimits bound what is read at once: so many entries, and so many bytes, but
// at least so many entries whatever their size.
type pageLimits struct{ entries, bytes, least int }

// readPage reads what a user may see of a room.
func (h *Hub) readPage(ctx context.Context, id *Identity, q Query, limits pageLimits) (Page, error) {
	q.Limit = limits.entries
	page, err := h.journal.Read(ctx, q)
	if err != nil {
		return page, err
	}
	veil(&page, h.rights(id, q.Room).History, q.Backward, time.Now())
	cut(&page, q.Backward, limits)
	return page, nil
}

func (t *conversation) readPage(q Query, limits pageLimits) (Page, error) {
	return t.session.hub.readPage(t.context(), t.session.identity.Load(), q, limits)
}

// historyLimits are those of a page that was asked for, with at most n entries
// where n is above 0.
func (h *Hub) historyLimits(n int) pageLimits {
	limits := pageLimits{h.settings().MaxPage, pageBytes, 1}
	if n > 0 {
		limits.entries = min(limits.entries, n)
	}
	return limits
}

// veil takes from a page what lies further back than a reader is shown, as if it
// were not kept.
func veil(p *Page, h History, backward bool, now time.Time) {
	switch {
	case h.Entries < 0:
		p.First = p.Last + 1
	case h.Entries > 0 && p.Last > Seq(h.Entries):
		p.First = max(p.First, p.Last-Seq(h.Entries)+1)
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		if h.Age > 0 && now.Sub(time.UnixMilli(e.At)) > h.Age {
			p.First = max(p.First, e.Seq+1)
		}
	}
	if len(p.Entries) == 0 {
		return
	}
	if begin := p.Entries[0].Seq; begin <= p.First {
		p.More = p.More && !backward
		p.Entries = p.Entries[min(int(p.First-begin), len(p.Entries)):]
	}
}

// cut shortens a page, at the end that lies in the direction of reading.
func cut(p *Page, backward bool, limits pageLimits) {
	n, size := 0, 0
	for n < len(p.Entries) {
		i := n
		if backward {
			i = len(p.Entries) - 1 - n
		}
		if size += jsonSize(&p.Entries[i]); n >= limits.least && size > limits.bytes {
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

// jsonSize is about how long an entry is as chat.v1 says it.
func jsonSize(e *Entry) int {
	size := e.Size()
	if e.Text {
		for _, c := range e.Body {
			if c < ' ' {
				size += 5 // as \u00xx
			}
		}
	}
	return size
}

func wireEntries(entries []Entry) []wire.Entry {
	list := make([]wire.Entry, len(entries))
	for i := range entries {
		list[i] = wireEntry(&entries[i])
	}
	return list
}

// history answers with a page of any room that the user may read.
func (t *conversation) history(c *wire.History) error {
	if err := t.session.mayRead(c.Room); err != nil {
		return err
	}
	q := Query{Room: c.Room, Backward: !c.Forward, After: Seq(c.After), Before: Seq(c.Before)}
	page, err := t.readPage(q, t.session.hub.historyLimits(c.Limit))
	if err != nil {
		return err
	}
	t.answer(&wire.Page{
		ID:      c.ID,
		Room:    c.Room,
		Epoch:   page.Epoch,
		Entries: wireEntries(page.Entries),
		More:    page.More,
	})
	return nil
}

// read moves the user's mark.
func (t *conversation) read(c *wire.Read) error {
	m, err := t.member(c.Room)
	if err != nil {
		return err
	}
	page, err := t.readPage(Query{Room: c.Room, Backward: true}, pageLimits{1, 0, 0})
	if err != nil {
		return err
	}
	user := t.session.user()
	key := markKey{user.ID, c.Room}
	mark, moved, err := t.session.hub.marks.move(t.context(), key, page.Epoch, min(Seq(c.Seq), page.Last), user.Guest)
	if err != nil {
		return err
	}
	left := uint64(unread(page, mark))
	if moved {
		told := wire.Mark{Room: c.Room, Seq: uint64(mark), Unread: left}
		t.session.post(m.room, Entry{Kind: Aside, Body: told.Append(nil)}, func(Receipt, error) {})
	}
	if c.ID != "" {
		t.answer(&wire.Marked{ID: c.ID, Room: c.Room, Seq: uint64(mark), Unread: left})
	}
	return nil
}
