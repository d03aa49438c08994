package list

import (
	"maps"
	"slices"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Session is one that has its user's list open.
type Session interface {
	// Deliver queues a frame. It does not wait.
	Deliver(frames []byte)
}

// watchers are the users who have their lists open on this node, and the rooms in them: a
// pointer and a number for each pair of room and user, and the room's name for each user.
type watchers struct {
	mu     sync.Mutex            // guards the rest; a leaf
	users  map[string]*watcher   // by id
	rooms  map[string][]*watcher // by room
	pairs  int
	dirty  map[string]news // rooms of which something is to be told
	own    map[pair]bool   // rows of one user that are to be told
	lost   map[int]bool    // parts of the feed that are followed no more
	check  bool            // policies have changed
	closed bool
	busy   bool // the worker is there
}

// watcher is a user who has a list open. watchers.mu guards it.
type watcher struct {
	user     string
	rooms    map[string]journal.Seq // that are listed, and from which entry on they are shown
	sessions []*open
	stop     func() // ends the following of the user's own room
}

// open is the list of one session.
type open struct {
	session Session
	held    bool            // an answer is read for it, and not sent yet
	missed  map[string]bool // rooms that have changed meanwhile
}

type pair struct{ user, room string }

// news is what has happened in a room since it was last told.
type news struct {
	counts bool // a counting entry came
	other  bool // something else did that heads show
}

// add makes a user a watcher of rooms. It returns false if the node has too many pairs.
func (w *watchers) add(user string, places []place, max int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[user]
	if u == nil {
		return false // the session has ended
	}
	added := 0
	for _, p := range places {
		if _, there := u.rooms[p.room]; !there {
			added++
		}
	}
	if added > 0 && w.pairs+added > max {
		return false
	}
	for _, p := range places {
		w.addLocked(u, p)
	}
	return true
}

func (w *watchers) addLocked(u *watcher, p place) {
	if _, there := u.rooms[p.room]; !there {
		w.rooms[p.room] = append(w.rooms[p.room], u)
		w.pairs++
	}
	u.rooms[p.room] = p.from
}

func (w *watchers) removeLocked(u *watcher, room string) {
	if _, there := u.rooms[room]; !there {
		return
	}
	delete(u.rooms, room)
	w.pairs--
	rest := slices.DeleteFunc(w.rooms[room], func(other *watcher) bool { return other == u })
	if len(rest) == 0 {
		delete(w.rooms, room)
		return
	}
	w.rooms[room] = rest
}

// wants reports whether anybody lists a room.
func (w *watchers) wants(room string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.rooms[room]) > 0
}

// enter adds a session, and the user if it is the first.
func (w *watchers) enter(user string, s Session) (first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[user]
	if first = u == nil; first {
		u = &watcher{user: user, rooms: map[string]journal.Seq{}}
		w.users[user] = u
	}
	u.sessions = append(u.sessions, &open{session: s, held: true, missed: map[string]bool{}})
	return first
}

// leave removes a session. It returns how to end the following of the user's room, if it
// was the last.
func (w *watchers) leave(user string, s Session) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[user]
	if u == nil {
		return nil
	}
	u.sessions = slices.DeleteFunc(u.sessions, func(o *open) bool { return o.session == s })
	if len(u.sessions) > 0 {
		return nil
	}
	delete(w.users, user)
	for room := range u.rooms {
		w.removeLocked(u, room)
	}
	return u.stop
}

// openLocked returns the list of a session, or nil.
func (w *watchers) openLocked(s Session, user string) *open {
	if u := w.users[user]; u != nil {
		for _, o := range u.sessions {
			if o.session == s {
				return o
			}
		}
	}
	return nil
}

// sessionsOf returns the sessions of a user to which something about a room is told now.
// Those for which an answer is read are told later.
func (w *watchers) sessionsOf(user, room string) (list []Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u := w.users[user]; u != nil {
		list = u.ready(list, room)
	}
	return list
}

func (u *watcher) ready(list []Session, room string) []Session {
	for _, o := range u.sessions {
		if o.held {
			o.missed[room] = true
			continue
		}
		list = append(list, o.session)
	}
	return list
}

// holders returns the sessions that list a room: those to which the entry is shown, and
// the others.
func (w *watchers) holders(room string, entry journal.Seq) (shown, veiled []Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.rooms[room] {
		if u.rooms[room] <= entry {
			shown = u.ready(shown, room)
		} else {
			veiled = u.ready(veiled, room)
		}
	}
	return shown, veiled
}

// settle notes whether a user has a room in the list, and from which entry on.
func (w *watchers) settle(user string, p place, gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch u := w.users[user]; {
	case u == nil:
	case gone:
		w.removeLocked(u, p.room)
	default:
		w.addLocked(u, p)
	}
}

// markLocked says that all rooms in which are to be told of.
func (w *watchers) markLocked(which func(room string) bool) {
	for room := range w.rooms {
		if which(room) {
			w.dirty[room] = news{counts: true, other: true}
		}
	}
}

// markOwn says that a user is to be told of all rows.
func (w *watchers) markOwn(user string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u := w.users[user]; u != nil {
		for room := range u.rooms {
			w.own[pair{user, room}] = true
		}
	}
}

// markGone says that those who list rooms are to be told of their rows, if the policies
// no longer have the room.
func (w *watchers) markGone(has func(room string) bool) {
	w.mu.Lock()
	rooms := slices.Collect(maps.Keys(w.rooms))
	w.mu.Unlock()
	for _, room := range rooms {
		if has(room) {
			continue
		}
		w.mu.Lock()
		for _, u := range w.rooms[room] {
			w.own[pair{u.user, room}] = true
		}
		w.mu.Unlock()
	}
}

// nothingLocked reports whether there is nothing to tell.
func (w *watchers) nothingLocked() bool {
	return len(w.dirty)+len(w.own)+len(w.lost) == 0 && !w.check
}

// again puts back what could not be told.
func (w *watchers) again(dirty map[string]news, own map[pair]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for room, n := range dirty {
		old := w.dirty[room]
		w.dirty[room] = news{n.counts || old.counts, n.other || old.other}
	}
	for p := range own {
		if u := w.users[p.user]; u != nil {
			w.own[p] = true
		}
	}
}
