package room

import (
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// presence is which users are in a room. The room's worker owns it.
//
// Changes are collected before they are told, so that many at once cost one
// frame. A user who lost the connection is reported as gone after a delay, unless
// they are back by then.
type presence struct {
	users   map[string]*presentUser
	count   int32          // of users who are here
	apart   bool           // they are not told of each other: one of two has blocked the other
	changed []*presentUser // to be looked at by the next report
	lost    *lostUsers     // nil until somebody is lost

	elsewhere map[string]map[string]bool // the other nodes at which users are

	timer *reportTimer // nil until it is first needed
}

// reportTimer is not a part of presence, so that a Room is small.
type reportTimer struct {
	*time.Timer
	due int64 // when it fires, in Unix nanoseconds; 0 while it does not run
}

// collectTime is how long changes are collected: longer in large rooms, so that
// presence costs at most ten thousand deliveries a second in each.
func collectTime(receivers int) time.Duration {
	return max(50*time.Millisecond, time.Duration(receivers)*100*time.Microsecond)
}

// arrive adds a receiver of a user. It reports whether a report is due.
func (p *presence) arrive(u journal.User, r *receiver) (report bool) {
	user := p.come(u)
	user.receivers = append(user.receivers, r)
	r.user = user
	return p.note(user)
}

// come makes a user one who is here, as the caller notes.
func (p *presence) come(u journal.User) *presentUser {
	user := p.users[u.ID]
	if user == nil {
		if p.users == nil {
			p.users = map[string]*presentUser{}
		}
		user = &presentUser{}
		p.users[u.ID] = user
	}
	if !user.here() {
		p.count++
	}
	if user.lost != nil {
		p.lost.remove(user)
	}
	user.user = u
	return user
}

// depart removes a receiver of a user who asked for it, so that the others are
// told soon. It reports whether a report is due.
func (p *presence) depart(r *receiver) (report bool) {
	user := p.remove(r)
	if user.here() {
		return false
	}
	p.count--
	return p.note(user)
}

// lose removes a receiver whose connection was lost. It reports whether the user is in the
// room no more: see loseUser.
func (p *presence) lose(r *receiver) bool { return !p.remove(r).here() }

// loseUser makes a user who is nowhere any more count as here for some time. by is for whom
// that counts. It returns when a report is due in Unix nanoseconds.
func (p *presence) loseUser(u *presentUser, wait time.Duration, by access.Person) (due int64) {
	p.lost.add(u, wait, by)
	return p.lost.first().deadline
}

func (p *presence) remove(r *receiver) *presentUser {
	user := r.user
	user.receivers = slices.DeleteFunc(user.receivers, func(other *receiver) bool { return other == r })
	return user
}

// reset forgets all but who is at other nodes: nobody is left who could be told.
func (p *presence) reset() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer.due = 0
	}
	p.lost.clear()
	was := *p
	*p = presence{timer: p.timer, lost: p.lost, elsewhere: p.elsewhere}
	for id := range was.elsewhere {
		u := p.come(was.users[id].user)
		u.elsewhere, u.announced = true, true
	}
}

// note queues a user whose presence may have changed for the next report. It
// reports whether that one is due.
func (p *presence) note(u *presentUser) bool {
	if u.queued || u.here() == u.announced {
		return false
	}
	u.queued = true
	p.changed = append(p.changed, u)
	return true
}

// schedule has report called, by tick, at a time in Unix nanoseconds at the
// latest.
func (p *presence) schedule(at int64, tick func()) {
	wait := time.Until(time.Unix(0, at))
	switch {
	case p.timer == nil:
		p.timer = &reportTimer{time.AfterFunc(wait, tick), at}
	case p.timer.due == 0 || at < p.timer.due:
		p.timer.due = at
		p.timer.Reset(wait)
	}
}

// report returns who has come and gone since the last report, and when the next
// one is due in Unix nanoseconds, 0 for none.
func (p *presence) report() (came, went []*presentUser, due int64) {
	p.expireLost(time.Now().UnixNano())
	for _, u := range p.changed {
		switch here := u.here(); {
		case here && !u.announced:
			came = append(came, u)
		case !here && u.announced:
			went = append(went, u)
		}
		u.queued, u.announced = false, u.here()
		if !u.announced {
			delete(p.users, u.user.ID)
		}
	}
	p.changed = nil
	if p.timer != nil {
		p.timer.due = 0
	}
	if l := p.lost.first(); l != nil {
		due = l.deadline
	}
	return came, went, due
}

func (p *presence) expireLost(now int64) {
	for l := p.lost.first(); l != nil && l.deadline <= now; l = p.lost.first() {
		p.expire(l)
	}
}

// expire lets a user who is lost count as gone. It reports whether a report is due.
func (p *presence) expire(l *lostUser) (report bool) {
	p.lost.remove(l.presentUser)
	p.count--
	return p.note(l.presentUser)
}

// giveWay lets the user count as gone, before the time, whose connection was lost first: somebody
// is here for whom there would be no room. It reports whether there was such a user.
func (p *presence) giveWay() bool {
	l := p.lost.first()
	if l != nil {
		p.expire(l)
	}
	return l != nil
}

// shown returns how many users each of them is shown, and is one of.
func (p *presence) shown() int {
	if p.apart {
		return int(min(p.count, 1))
	}
	return int(p.count)
}

// list returns some of the users who are here, at most wire.MaxUsers, in no order, as
// they are shown to one of them.
func (p *presence) list(to *presentUser) []wire.User {
	if p.apart {
		return wireUsers([]*presentUser{to}, nil)
	}
	users := make([]wire.User, 0, min(len(p.users), wire.MaxUsers))
	for _, u := range p.users {
		if len(users) == wire.MaxUsers {
			break
		}
		if u.here() {
			users = append(users, wire.User(u.user))
		}
	}
	return users
}

// frame returns the presence frame about these users. except, if any, is left out
// of those who came.
func (p *presence) frame(room string, came, went []*presentUser, except *presentUser) []byte {
	return Frame(&wire.Presence{Room: room, Joined: wireUsers(came, except), Left: wireUsers(went, nil), Members: p.shown()})
}

func wireUsers(list []*presentUser, except *presentUser) []wire.User {
	users := make([]wire.User, 0, min(len(list), wire.MaxUsers))
	for _, u := range list {
		if u != except && len(users) < wire.MaxUsers {
			users = append(users, wire.User(u.user))
		}
	}
	return users
}
