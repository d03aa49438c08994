package room

import (
	"errors"
	"slices"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// audience is who hears a room. The room's worker owns it.
type audience struct {
	receivers []*receiver
	speakers  map[string]*receiver // the raw ones who have said something, by the ids of their sessions: they do not hear themselves
	presence  presence
}

// add adds a receiver. Users are present by their visible
// receivers. It reports whether a report of presence is due.
func (a *audience) add(r *receiver, visible bool) (report bool) {
	r.index = int32(len(a.receivers))
	a.receivers = append(a.receivers, r)
	return visible && a.presence.arrive(r.session.User(), r)
}

// noteSpeaker notes that a receiver, which is raw, will say something.
func (a *audience) noteSpeaker(r *receiver) {
	if r.left.Load() {
		return
	}
	if a.speakers == nil {
		a.speakers = map[string]*receiver{}
	}
	a.speakers[r.session.ID()], r.speaks = r, true
}

// remove removes a receiver.
func (a *audience) remove(r *receiver) {
	if r.speaks {
		delete(a.speakers, r.session.ID())
	}
	end := len(a.receivers) - 1
	a.receivers[r.index] = a.receivers[end]
	a.receivers[r.index].index = r.index
	a.receivers[end] = nil
	a.receivers = a.receivers[:end]
}

// fullFor reports whether there would be too many members with r. Users who were lost give way to
// it, those first who were lost first: otherwise one who comes and drops connections under ever
// other names would keep everybody out. report says that one has.
func (a *audience) fullFor(r *receiver, t Terms) (full, report bool) {
	for t.Max > 0 && a.membersWith(r, t.Visible) > t.Max {
		if !a.presence.giveWay() {
			return true, report
		}
		report = true
	}
	return false, report
}

// membersWith returns how many members there are once r is in the room: the users who
// are present, and raw sessions, whose users are not known.
func (a *audience) membersWith(r *receiver, visible bool) int {
	n := int(a.presence.count)
	for _, other := range a.receivers {
		if other.user == nil {
			n++
		}
	}
	if u := a.presence.users[r.session.User().ID]; visible && u != nil && u.here() {
		return n
	}
	return n + 1
}

// ofUser returns the receivers by which a user is present.
func (a *audience) ofUser(id string) []*receiver {
	if u := a.presence.users[id]; u != nil {
		return u.receivers
	}
	return nil
}

// tellUser delivers a frame to all sessions of a user, except the one with the id
// except.
func (a *audience) tellUser(user, except string, frame []byte) {
	for _, r := range a.ofUser(user) {
		if r.session.ID() != except {
			r.tell(frame)
		}
	}
}

// tellPresence delivers one frame about who came and went to everybody, except to
// those whom the frame names as having come. They get the frame without
// themselves, or none if it is about nobody else.
func (a *audience) tellPresence(room string, came, went []*presentUser) {
	listed := came[:min(len(came), wire.MaxUsers)]
	for _, u := range listed {
		u.marked = true
	}
	frame := a.presence.frame(room, listed, went, nil)
	for _, r := range a.receivers {
		if r.user != nil && !r.user.marked {
			r.tell(frame)
		}
	}
	for _, u := range listed {
		u.marked = false
		if len(came)+len(went) == 1 {
			break
		}
		frame := a.presence.frame(room, listed, went, u)
		for _, r := range u.receivers {
			r.tell(frame)
		}
	}
}

// setApart says whether those in the room are told of each other. Where that changes, it
// is as if all others came, or went.
func (a *audience) setApart(room string, apart bool) {
	p := &a.presence
	if p.apart == apart {
		return
	}
	p.apart = apart
	for _, u := range p.users {
		if !u.announced || !u.here() {
			continue
		}
		came, went := []*presentUser{u}, []*presentUser(nil)
		if apart {
			came, went = went, came
		}
		frame := p.frame(room, came, went, nil)
		for _, r := range a.receivers {
			if r.user != nil && r.user != u {
				r.tell(frame)
			}
		}
	}
}

// forbidden calls end for each of these receivers that may no longer read the
// room.
func (a *audience) forbidden(room string, receivers []*receiver, end func(*receiver, *wire.Error)) {
	for _, r := range slices.Clone(receivers) {
		var why *wire.Error
		if !r.left.Load() && errors.As(r.session.MayHear(room, r.role, r.conversation), &why) {
			end(r, why)
		}
	}
}

// governed follows an entry that says who belongs to the room, after everybody has heard
// it: it calls end for each receiver that may no longer hear the room.
func (a *audience) governed(room string, e *journal.Entry, end func(*receiver, *wire.Error)) {
	if e.Kind != journal.Member {
		return
	}
	changes, err := wire.ParseMembers(e.Body)
	if err != nil {
		return // no client gets such an entry in either
	}
	for _, c := range changes {
		role, err := access.ParseRole(c.Role)
		if err != nil {
			continue
		}
		why := wire.Forbidden
		if role == access.NoRole && c.User != e.From.ID {
			why = wire.Kicked
		}
		for _, r := range slices.Clone(a.ofUser(c.User)) {
			r.setRole(role, e.Seq)
			if !r.left.Load() && r.session.MayHear(room, r.role, r.conversation) != nil {
				end(r, why.Error(""))
			}
		}
	}
}
