package chat

import (
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// attendance is who is present in a room: users, each with any number of
// sessions that speak chat.v1. It is owned by the room's worker, but for timer's
// callback.
//
// Comings and goings are gathered before they are told, so that many at once
// cost one frame, and whoever only lost a connection is told to have left after
// a while, unless they are back by then.
type attendance struct {
	room    *room
	users   map[string]*attendee
	here    int         // how many of them are there
	changed []*attendee // to be looked at when gathered
	lost    []lostUser  // in the order of their times

	timer *time.Timer // nil until it is first needed
	due   int64       // when it fires, in Unix nanoseconds; 0 while it does not run
}

// attendee is a user in a room.
type attendee struct {
	user    User
	members []*member // empty: gone, or lost
	lostAt  time.Time // when the last connection was lost; zero while not lost
	known   bool      // the others were told that the user is there
	queued  bool      // in attendance.changed
	named   bool      // in the frame under way
}

func (a *attendee) here() bool { return len(a.members) > 0 || !a.lostAt.IsZero() }

// lostUser is somebody who counts as gone at due, unless back by then.
type lostUser struct {
	*attendee
	at, due time.Time
}

// gatherTime is how long comings and goings are gathered: longer in large rooms,
// so that what presence costs stays below ten thousand deliveries a second in
// each.
func gatherTime(members int) time.Duration {
	return max(50*time.Millisecond, time.Duration(members)*100*time.Microsecond)
}

func (p *attendance) arrive(u User, m *member) {
	a := p.users[u.ID]
	if a == nil {
		if p.users == nil {
			p.users = map[string]*attendee{}
		}
		a = &attendee{}
		p.users[u.ID] = a
	}
	if !a.here() {
		p.here++
	}
	a.user, a.lostAt = u, time.Time{}
	a.members = append(a.members, m)
	m.attendee = a
	p.note(a)
}

// depart takes a member out. willing: it is told soon, not after a while.
func (p *attendance) depart(m *member, willing bool) {
	a := m.attendee
	a.members = slices.DeleteFunc(a.members, func(o *member) bool { return o == m })
	switch wait := p.room.hub.settings().AwayDelay; {
	case len(p.room.members) == 0:
		p.forget()
	case len(a.members) > 0:
	case willing || wait <= 0:
		p.here--
		p.note(a)
	default:
		now := time.Now()
		a.lostAt = now
		p.lost = append(p.lost, lostUser{a, now, now.Add(wait)})
		p.wake(p.lost[0].due)
	}
}

// forget drops everything when nobody is left to be told.
func (p *attendance) forget() {
	if p.timer != nil {
		p.timer.Stop()
	}
	*p = attendance{room: p.room, timer: p.timer}
}

// note has somebody looked at who may have come or gone.
func (p *attendance) note(a *attendee) {
	if a.queued || a.here() == a.known {
		return
	}
	a.queued = true
	p.changed = append(p.changed, a)
	p.wake(time.Now().Add(gatherTime(len(p.room.members))))
}

// wake has tick called at t at the latest.
func (p *attendance) wake(t time.Time) {
	if p.due != 0 && t.UnixNano() >= p.due {
		return
	}
	p.due = t.UnixNano()
	if p.timer == nil {
		p.timer = time.AfterFunc(time.Until(t), p.room.tick)
	} else {
		p.timer.Reset(time.Until(t))
	}
}

// tick is called by the timer. A room that has ended meanwhile lets it pass.
func (r *room) tick() {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	if r.refs > 0 { // so its sessions have not all gone, and the hub waits for its workers
		r.do(r.present.tell)
	}
}

// tell tells the members who came and went.
func (p *attendance) tell() {
	p.due = 0
	now := time.Now()
	for len(p.lost) > 0 && !p.lost[0].due.After(now) {
		l := p.lost[0]
		p.lost = p.lost[1:]
		if l.lostAt.Equal(l.at) { // else it was back meanwhile
			l.lostAt = time.Time{}
			p.here--
			p.note(l.attendee)
		}
	}
	var came, went []*attendee
	for _, a := range p.changed {
		switch here := a.here(); {
		case here && !a.known:
			came = append(came, a)
		case !here && a.known:
			went = append(went, a)
		}
		a.queued, a.known = false, a.here()
		if !a.known {
			delete(p.users, a.user.ID)
		}
	}
	p.changed, p.due = nil, 0
	if len(p.lost) > 0 {
		p.wake(p.lost[0].due)
	}
	if len(came)+len(went) > 0 {
		p.announce(came, went)
	}
}

// announce delivers one frame to everybody but those named in it as having
// come, who get it without themselves, or none where it is about nobody else.
func (p *attendance) announce(came, went []*attendee) {
	if p.room.hub.settings().Policies.hides(p.room.name) {
		return
	}
	listed := came[:min(len(came), wire.MaxUsers)]
	for _, a := range listed {
		a.named = true
	}
	frame := p.frame(listed, went, nil)
	for _, m := range p.room.members {
		if a := m.attendee; a != nil && !a.named {
			p.room.tell(m, frame)
		}
	}
	for _, a := range listed {
		a.named = false
		if len(came)+len(went) == 1 {
			break
		}
		frame := p.frame(listed, went, a)
		for _, m := range a.members {
			p.room.tell(m, frame)
		}
	}
}

func (p *attendance) frame(came, went []*attendee, except *attendee) []byte {
	return textFrame(&wire.Presence{
		Room:    p.room.name,
		Joined:  userList(came, except),
		Left:    userList(went, nil),
		Members: p.here,
	})
}

func userList(list []*attendee, except *attendee) []wire.User {
	users := make([]wire.User, 0, min(len(list), wire.MaxUsers))
	for _, a := range list {
		if a != except && len(users) < wire.MaxUsers {
			users = append(users, wireUser(a.user))
		}
	}
	return users
}

// roster returns some of the users, at most wire.MaxUsers, in no order.
func (p *attendance) roster() []wire.User {
	users := make([]wire.User, 0, min(len(p.users), wire.MaxUsers))
	for _, a := range p.users {
		if len(users) == wire.MaxUsers {
			break
		}
		if a.here() {
			users = append(users, wireUser(a.user))
		}
	}
	return users
}
