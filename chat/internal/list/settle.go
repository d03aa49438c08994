package list

import (
	"slices"

	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
)

// add makes a user a watcher of rooms, whose list was read by these policies. It returns false if
// the node has too many pairs, and nobody has more of them than the user would.
func (w *watchers) add(user string, places []place, by policiesSum) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[user]
	if u == nil {
		return false // the session has ended
	}
	if w.judged == (policiesSum{}) {
		w.judged = by
	}
	if by != w.judged {
		u.unjudged, w.check = true, true
	}
	fresh := places[:0:0]
	for _, p := range places {
		if room := w.rooms[p.room]; room == nil || !u.lists(room) {
			fresh = append(fresh, p)
		}
	}
	if len(fresh) > 0 && !w.fitsLocked(u, len(fresh)) {
		u.partial = true
		return false
	}
	u.rooms = slices.Grow(u.rooms, len(fresh))
	for _, p := range fresh {
		u.rooms = append(u.rooms, w.holdLocked(u, p))
	}
	slices.SortFunc(u.rooms, byNumber)
	return true
}

// judge says by which policies rows go and come from now on. Somebody whose list was read by others
// than those before may lack rows that another session has, or have rows that it lacks: all are told.
// So it is if policies change twice before this is called.
func (w *watchers) judge(by policiesSum) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.judged = by
	for _, u := range w.users {
		if u.unjudged {
			u.unjudged = false
			w.markRowsLocked(u)
		}
	}
}

// fitsLocked reports whether a user may list n rooms more. Where the node has too many pairs,
// the network with most of them pays, if that is somebody else's, and in it the person with most:
// so nobody with a few rooms is told nothing because somebody has many. It costs a look at all
// users, and only then.
func (w *watchers) fitsLocked(u *watcher, n int) bool {
	most := w.max()
	if w.pairs+n <= most {
		return true
	}
	var has backpressure.Holdings
	for _, other := range w.users {
		has.Add(other.person, len(other.rooms))
	}
	has.Add(u.person, n)
	for w.pairs+n > most {
		greatest := u
		for _, other := range w.users {
			if len(other.rooms) > 0 && has.Exceeds(other.person, greatest.person) {
				greatest = other
			}
		}
		if greatest.person == u.person {
			return false
		}
		has.Add(greatest.person, -len(greatest.rooms))
		w.unlistLocked(greatest)
	}
	return true
}

// unlistLocked tells a user of no rooms any more: the user's sessions end, and are told so when
// they come back.
func (w *watchers) unlistLocked(u *watcher) {
	for _, room := range u.rooms {
		w.releaseLocked(u, room)
	}
	if u.rooms = nil; u.partial {
		return
	}
	u.partial = true
	for _, o := range u.sessions {
		w.pay = append(w.pay, o.session)
	}
}

// paying returns the sessions that are to end, once each.
func (w *watchers) paying() []Session {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.pay
	w.pay = nil
	return list
}

// settle notes what the row of a user is now, and returns the sessions to be told. Only here a
// row goes: so each session of who had it is told that once, and nobody else is. One for
// which a list is read meanwhile may find it there, too. Of a user whose rooms are not
// all known it is told whether the row was there or not.
func (w *watchers) settle(user string, p place, now standing) (to []Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u, room := w.users[user], w.rooms[p.room]
	if u == nil {
		return nil
	}
	if p.room == OwnRoom(user) { // which is not watched
		if now != rowThere {
			return nil
		}
		return u.ready(nil, p.room)
	}
	there := room != nil && u.lists(room)
	if now == rowGone {
		had := u.partial || there && (room.told || !room.silent)
		if there {
			w.dropLocked(u, room)
		}
		return u.tellGone(p.room, had)
	}
	if there {
		if w.beginsAnewLocked(room, p.epoch, u) {
			room.holderOf(u).from = noMember
		}
		room.holderOf(u).see(p.from)
	} else if w.pairs < w.max() || !u.partial && w.fitsLocked(u, 1) {
		room = w.holdLocked(u, p)
		w.beginsAnewLocked(room, p.epoch, u)
		i, _ := slices.BinarySearchFunc(u.rooms, room, byNumber)
		u.rooms = slices.Insert(u.rooms, i, room)
	} else {
		w.unlistLocked(u)
		if now == rowSilent {
			return u.tellGone(p.room, false)
		}
		return u.ready(nil, p.room)
	}
	if now == rowSilent {
		had := there && room.told
		if had {
			w.foundAnewLocked(u, room)
		}
		room.silent = true
		return u.tellGone(p.room, had)
	}
	room.told = true
	for _, o := range u.sessions {
		if !o.held {
			delete(o.missed, p.room)
		}
	}
	return u.ready(nil, p.room)
}

// foundAnewLocked notes that a room that was in lists is in none: it was erased, and two have
// founded it anew. The row of the other one is gone, too.
func (w *watchers) foundAnewLocked(u *watcher, room *listed) {
	room.told = false
	for _, h := range room.holders {
		if h.watcher == u {
			continue
		}
		w.own[pair{h.user, room.name}] = true
		for _, o := range h.sessions {
			o.miss(room.name, true)
		}
	}
}

// standing is what a row is.
type standing int

const (
	rowGone   standing = iota
	rowSilent          // it is not in the list yet: of two, who have said nothing
	rowThere           // hidden or not
)

// tellGone returns the sessions that are told that a row is gone, which was there; or else those
// that were not told yet.
func (u *watcher) tellGone(room string, had bool) (to []Session) {
	for _, o := range u.sessions {
		switch owed := had || o.missed[room]; {
		case owed && o.held:
			o.miss(room, true)
		case owed:
			delete(o.missed, room)
			to = append(to, o.session)
		}
	}
	return to
}

// opened says that somebody's list was read.
func (w *watchers) opened(user string, rooms []read) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[user]
	for _, was := range rooms {
		room := w.rooms[was.room]
		if room == nil || u == nil || !u.lists(room) {
			continue
		}
		if was.silent {
			room.silent = true
		} else {
			room.told = true // though it may have been silent for who has opened a list before
		}
		if w.beginsAnewLocked(room, was.epoch, nil); was.veiled {
			room.holderOf(u).from = noMember
			w.own[pair{user, was.room}] = true
		}
	}
}
