package view

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

// View is what somebody is shown of a room: what the policy's history lets through, and
// everything from the number on that was the first one shown to the user when they came,
// in this epoch. In a conversation that is the entry with which they became a member. Its
// exported fields are fixed once it is used. One goroutine uses it.
type View struct {
	Room   string
	Read   Reader  // reads at their expense
	Hidden *Hidden // of the hub

	History access.History
	Seat    members.Seat   // of a member
	Row     list.Settings  // of a member, who may have cleared what was said
	Mark    readmarks.Mark // the user's
	Joins   bool           // the user is joining, as far as we know for the first time
	Joined  journal.Seq    // the newest entry from before that

	searched journal.Seq // what lastHidden has found, and 1 more; 0: it was not called
}

// Reader reads one page. Query.Bytes must be set, or Query.Limit be 1 at most.
type Reader func(ctx context.Context, q journal.Query) (journal.Page, error)

// Hides reports whether the policy hides anything.
func (v *View) Hides() bool { return v.History != (access.History{}) || v.Row.Cleared > 0 }

// from returns the number from which on everything is shown, or 0, and the number from
// which the policy counts back.
func (v *View) from(p *journal.Page) (from, newest journal.Seq) {
	if v.Seat.Since > 0 {
		return min(v.Seat.Since, p.Last+1), p.Last
	}
	if from := v.Mark.In(p.Epoch).From; from > 0 {
		return from, p.Last
	}
	if v.Joins {
		return v.Joined + 1, min(p.Last, v.Joined)
	}
	return 0, p.Last
}

// Hide removes entries that are not shown, and raises First accordingly, as if they
// were not kept.
func (v *View) Hide(p *journal.Page, backward bool, now time.Time) {
	kept := p.First
	from, newest := v.from(p)
	switch h := v.History; {
	case h.Entries < 0, h.Joined:
		p.First = newest + 1
	case h.Entries > 0 && newest > journal.Seq(h.Entries):
		p.First = max(p.First, newest-journal.Seq(h.Entries)+1)
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		if v.History.Age > 0 && isOlder(e, v.History.Age, now) {
			p.First = max(p.First, e.Seq+1)
		}
	}
	if from > 0 {
		p.First = min(p.First, max(from, kept))
	}
	p.First = max(p.First, v.Row.In(p.Epoch).Cleared+1)
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

// UsersSize returns about how many bytes users take in a frame.
func UsersSize(users []wire.User) (n int) {
	for i := range users {
		n += len(`{"id":"","name":"","avatar":""},`) + len(users[i].ID) + len(users[i].Name) + len(users[i].Avatar)
	}
	return n
}
