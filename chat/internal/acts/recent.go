package acts

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
	"github.com/caddychat/caddy-chat/chat/internal/view"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Recent is the act of reading what a raw client hears first: the last messages from
// before it joined that it is shown, and all messages after that. What is said while it
// reads, however slowly, comes too. It is read page by page.
type Recent struct {
	// Fixed.
	actor *Actor
	over  func() bool // reports whether nobody is there any more who could hear it
	room  string

	page []journal.Entry // that Next returns without a read; nil: none
	upTo journal.Seq     // what lies up to here was returned
	goal journal.Seq     // what lies above it is kept for the client meanwhile; 0: it is not known
}

// NewRecent returns the last n messages from before the actor joined, of which joined is
// the newest entry, and what comes after them. What was said later is never hidden and
// does not count towards n: the client is in the room, and would not get it otherwise.
//
// It looks for the beginning from the end, without keeping what it reads but for one
// page.
func (a Turn) NewRecent(room string, joined journal.Seq, n int, over func() bool) (*Recent, error) {
	in, err := a.reader(a.Soon(), room)
	if err != nil {
		return nil, err
	}
	s, err := a.viewOf(a.Soon(), room, &in)
	if err != nil {
		return nil, err
	}
	s.Joins, s.Joined = true, joined
	// One entry may have been said at the same time: see room.Subscription.Joined.
	r := &Recent{actor: a.Actor, over: over, room: room, upTo: joined, goal: joined + 1}
	older := 0
	for q := (journal.Query{Room: room, Backward: true, Before: r.goal + 1, Limit: n + 1, Bytes: PageBytes}); older < n; {
		page, err := a.readInTurn(q, over)
		if err != nil {
			return nil, err
		}
		s.Hide(&page, true, time.Now())
		begin := len(page.Entries)
		for begin > 0 && older < n {
			begin--
			if e := &page.Entries[begin]; e.Seq <= joined {
				r.upTo = e.Seq - 1
				if view.IsHeard(e) {
					older++
				}
			}
		}
		ends := older == n || !page.More || len(page.Entries) == 0
		if q.Before == r.goal+1 && ends {
			r.page, r.upTo = view.Heard(page.Entries[begin:]), joined
			if last := len(page.Entries) - 1; last >= 0 {
				r.upTo = max(joined, page.Entries[last].Seq)
			}
		}
		if ends {
			break
		}
		q.Before = page.Entries[0].Seq
	}
	return r, nil
}

// Next returns the next messages, and the number up to which nothing is missing. more says
// that there are others behind it, but not that more was said since the beginning: that is
// kept for the client. Where it was too much to keep, Next is called again.
func (r *Recent) Next() (messages []journal.Entry, upTo journal.Seq, more bool, err error) {
	if r.page != nil {
		messages, r.page = r.page, nil
		r.goal = 0
		return messages, r.upTo, false, nil
	}
	if _, err := r.actor.reader(r.actor.Soon(), r.room); err != nil {
		return nil, 0, false, err
	}
	page, err := r.actor.readInTurn(journal.Query{Room: r.room, After: r.upTo, Limit: r.actor.core.settings().MaxPage, Bytes: PageBytes}, r.over)
	if err != nil {
		return nil, 0, false, err
	}
	if r.goal == 0 {
		r.goal = page.Last
	}
	if n := len(page.Entries); page.More && n > 0 {
		r.upTo = page.Entries[n-1].Seq
		more = r.upTo < r.goal
	} else {
		r.upTo = max(r.upTo, page.Last)
	}
	if !more {
		r.goal = 0
	}
	return view.Heard(page.Entries), r.upTo, more, nil
}

// readInTurn reads a page once the actor may read, however long that takes: raw clients
// cannot be told to wait. It ends with the hub, and soon after over.
func (a *Actor) readInTurn(q journal.Query, over func() bool) (journal.Page, error) {
	if err := backpressure.AwaitPaid(a.core.context, a.readDebt, over); err != nil {
		return journal.Page{}, err
	}
	return a.read(a.Soon(), q)
}
