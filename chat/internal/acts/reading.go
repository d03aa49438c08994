package acts

import (
	"context"
	"net/netip"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/reading"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/internal/view"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// What every read of an actor goes through, whichever act it belongs to: it is charged
// for what it reads, it has its share of what is read at a time, and it hides what the
// policy's history does not show.

func (a *Actor) markKey(room string) readmarks.Key {
	user := a.User()
	member := a.rights(room, access.NoRole).Conversation || room == list.OwnRoom(user.ID)
	return readmarks.Key{User: user.ID, Room: room, Guest: user.Guest, Member: member}
}

// mayReadNow returns why the actor must wait before it reads, or nil: it has read more
// than its rate allows. What a read costs is known afterwards only.
func (a *Actor) mayReadNow() error { return a.core.tooMuch(a.readDebt()) }

func (c *Core) tooMuch(debt time.Duration) error {
	if debt <= 0 {
		return nil
	}
	c.Counts.TooFast.Add(1)
	return reading.TooMuch(debt)
}

// Visit charges an address for an answer of so many bytes that everybody gets, or returns why
// it comes too soon.
func (c *Core) Visit(addr netip.Addr, bytes int) error {
	return c.tooMuch(c.reading.Visit(c.settings().ReadBytes, c.Now(), addr, bytes))
}

// readDebt returns how long the actor should wait before it reads again.
func (a *Actor) readDebt() time.Duration {
	if a.kind == operator {
		return 0
	}
	c := a.core
	return c.reading.Debt(c.settings().ReadBytes, c.Now(), a.person())
}

// readCost is what a read costs beside the sizes of its entries, and recordCost what a tag does, or a row.
const readCost, recordCost = 512, 64

// pages reads pages for the actor: at most about so many bytes in all.
func (a *Actor) pages(ctx context.Context, bytes int, read func() ([]journal.Page, error)) ([]journal.Page, error) {
	release, err := a.core.reading.Take(ctx, a.person(), bytes)
	if err != nil {
		return nil, err
	}
	defer release()
	pages, err := read()
	a.owe(max(len(pages), 1)*readCost + view.Size(pages...))
	return pages, err
}

// owe charges the actor for what was read.
func (a *Actor) owe(bytes int) {
	if a.kind != operator {
		c := a.core
		c.reading.Owe(c.settings().ReadBytes, c.Now(), a.person(), bytes)
	}
}

// read reads one page. Query.Bytes must be set, or Query.Limit be 1 at most.
func (a *Actor) read(ctx context.Context, q journal.Query) (page journal.Page, err error) {
	bytes := q.Bytes
	if q.Limit > 0 { // a page has one entry, whatever that has
		bytes = max(bytes, a.core.settings().MaxMessage)
	}
	pages, err := a.pages(ctx, bytes, func() ([]journal.Page, error) {
		page, err := a.core.journal.Read(ctx, q)
		return []journal.Page{page}, err
	})
	if err != nil {
		return page, err
	}
	return pages[0], nil
}

// viewOf returns what the actor is shown of a room.
func (a *Actor) viewOf(ctx context.Context, room string, in *standing) (v view.View, err error) {
	if a.key != nil { // which sees all that is kept
		return view.View{Room: room, Read: a.read, Hidden: &a.core.hidden}, nil
	}
	v = a.view(room, in)
	if !v.Hides() || v.Seat.Since > 0 || a.identity.Load() == nil {
		return v, nil
	}
	marks, err := a.core.marks.Get(ctx, []readmarks.Key{a.markKey(room)})
	if err == nil {
		v.Mark = marks[0]
	}
	return v, err
}

// view is viewOf without the user's mark.
func (a *Actor) view(room string, in *standing) view.View {
	return view.View{Room: room, Read: a.read, Hidden: &a.core.hidden, History: in.History, Seat: in.seat, Row: in.row}
}

// History is the act of reading a page of any room that the actor may read. limit
// bounds the entries if it is above 0.
func (a Turn) History(ctx context.Context, q journal.Query, limit int) (p Page, err error) {
	if err := wire.CheckRoom(q.Room); err != nil {
		return p, err
	}
	in, err := a.reader(ctx, q.Room)
	if err != nil {
		return p, err
	}
	if err := a.mayReadNow(); err != nil {
		return p, err
	}
	bounds := view.Bounds{Entries: a.core.settings().MaxPage, Bytes: PageBytes, Least: 1}
	if limit > 0 {
		bounds.Entries = min(bounds.Entries, limit)
	}
	v, err := a.viewOf(ctx, q.Room, &in)
	if err != nil {
		return p, err
	}
	if p.Page, err = v.Page(ctx, q, bounds); err != nil {
		return p, err
	}
	found, err := a.tagsOf(ctx, tags.Asked{Room: q.Room, Page: &p.Page, Backward: q.Backward})
	p.Tags = found[0].Tags
	return p, err
}

// tagsOf reads the tags of pages, which it shortens to about PageBytes with them.
func (a *Actor) tagsOf(ctx context.Context, asked ...tags.Asked) ([]tags.Found, error) {
	release, err := a.core.reading.Take(ctx, a.person(), PageBytes)
	if err != nil {
		return make([]tags.Found, len(asked)), err
	}
	defer release()
	found, cost, err := tags.Load(ctx, a.core.journal.Records(), a.User().ID, asked, PageBytes)
	a.owe(cost)
	return found, err
}
