package acts

import (
	"context"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// What every read of an actor goes through, whichever act it belongs to: it is charged
// for what it reads, it has its share of what is read at a time, and it hides what the
// policy's history does not show.

func (a *Actor) markKey(room string) readmarks.Key {
	user := a.User()
	member := a.rights(room, access.NoRole).Conversation
	return readmarks.Key{User: user.ID, Room: room, Guest: user.Guest, Member: member}
}

// mayReadNow returns why the actor must wait before it reads, or nil: it has read more
// than its rate allows. What a read costs is known afterwards only.
func (a *Actor) mayReadNow() error {
	wait := a.readDebt()
	if wait <= 0 {
		return nil
	}
	a.core.Counts.TooFast.Add(1)
	e := wire.TooSoon(wait)
	e.Message = "you have read too much: wait before you read more"
	return e
}

// readDebt returns how long the actor should wait before it reads again.
func (a *Actor) readDebt() time.Duration {
	if a.kind == operator {
		return 0
	}
	c := a.core
	return c.reading.rate.Debt(c.settings().ReadBytes, c.Now(), a.person())
}

// awaitRate waits until the actor may read, or until ctx ends. If over is not nil, it is
// asked each second whether that is of no more use.
func (a *Actor) awaitRate(ctx context.Context, over func() bool) error {
	for {
		if over != nil && over() {
			return context.Canceled
		}
		wait := a.readDebt()
		if wait <= 0 {
			return nil
		}
		if over != nil {
			wait = min(wait, time.Second)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// readCost is what a read costs beside the sizes of its entries.
const readCost = 512

// pages reads pages for the actor: at most about so many bytes in all.
func (a *Actor) pages(ctx context.Context, bytes int, read func() ([]journal.Page, error)) ([]journal.Page, error) {
	release, err := a.core.reading.pool.Take(ctx, a.person(), bytes)
	if err != nil {
		return nil, err
	}
	defer release()
	pages, err := read()
	cost := 0
	for i := range pages {
		cost += readCost
		for e := range pages[i].Entries {
			cost += pages[i].Entries[e].Size()
		}
	}
	a.owe(max(cost, readCost))
	return pages, err
}

// owe charges the actor for what was read.
func (a *Actor) owe(bytes int) {
	if a.kind != operator {
		c := a.core
		c.reading.rate.Owe(c.settings().ReadBytes, c.Now(), a.person(), bytes)
	}
}

// oneEntry is what one entry counts for that is not known yet.
const oneEntry = 64 << 10

// read reads one page. Query.Bytes must be set, or Query.Limit be 1 at most.
func (a *Actor) read(ctx context.Context, q journal.Query) (page journal.Page, err error) {
	bytes := q.Bytes
	if bytes == 0 && q.Limit > 0 {
		bytes = oneEntry
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

// shown is what an actor is shown of a room: what the policy's history lets through,
// and everything from the number on that was the first one shown to the user when they
// came, in this epoch. In a conversation that is the entry with which they became a
// member.
type shown struct {
	history access.History
	seat    members.Seat   // of a member
	row     list.Settings  // of a member, who may have cleared what was said
	mark    readmarks.Mark // the user's
	joins   bool           // the actor is joining, as far as we know for the first time
	joined  journal.Seq    // the newest entry from before that
}

// shownOf returns what the actor is shown of a room.
func (a *Actor) shownOf(ctx context.Context, room string, in *standing) (s shown, err error) {
	s = shown{history: in.History, seat: in.seat, row: in.row}
	if !s.hides() || s.seat.Since > 0 || a.identity.Load() == nil {
		return s, nil
	}
	marks, err := a.core.marks.Get(ctx, []readmarks.Key{a.markKey(room)})
	if err == nil {
		s.mark = marks[0]
	}
	return s, err
}

// hides reports whether the policy hides anything.
func (s *shown) hides() bool { return s.history != (access.History{}) || s.row.Cleared > 0 }

// from returns the number from which on everything is shown, or 0, and the number from
// which the policy counts back.
func (s *shown) from(p *journal.Page) (from, newest journal.Seq) {
	if s.seat.Since > 0 {
		return min(s.seat.Since, p.Last+1), p.Last
	}
	if from := s.mark.In(p.Epoch).From; from > 0 {
		return from, p.Last
	}
	if s.joins {
		return s.joined + 1, min(p.Last, s.joined)
	}
	return 0, p.Last
}

// hide removes entries that are not shown, and raises First accordingly, as if they
// were not kept.
func (s *shown) hide(p *journal.Page, backward bool, now time.Time) {
	kept := p.First
	from, newest := s.from(p)
	switch h := s.history; {
	case h.Entries < 0, h.Joined:
		p.First = newest + 1
	case h.Entries > 0 && newest > journal.Seq(h.Entries):
		p.First = max(p.First, newest-journal.Seq(h.Entries)+1)
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		if s.history.Age > 0 && isOlder(e, s.history.Age, now) {
			p.First = max(p.First, e.Seq+1)
		}
	}
	if from > 0 {
		p.First = min(p.First, max(from, kept))
	}
	p.First = max(p.First, s.row.In(p.Epoch).Cleared+1)
	hidden := 0
	for hidden < len(p.Entries) && p.Entries[hidden].Seq < p.First {
		hidden++
	}
	if backward && len(p.Entries) > 0 && p.Entries[0].Seq <= p.First {
		p.More = false
	}
	p.Entries = p.Entries[hidden:]
}

func isOlder(e *journal.Entry, age time.Duration, now time.Time) bool {
	return now.Sub(time.UnixMilli(e.At)) > age
}
