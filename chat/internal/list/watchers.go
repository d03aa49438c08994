package list

import (
	"slices"
	"sync"
)

// Session is one that has its user's list open.
type Session interface {
	// Deliver queues a frame. It does not wait.
	Deliver(frames []byte)
}

// watchers are the users who have their lists open on this node, and the rooms in them: a
// pointer for each pair of room and user, and the room's name once for each user.
type watchers struct {
	mu     sync.Mutex            // guards the rest; a leaf
	users  map[string]*watcher   // by id
	rooms  map[string][]*watcher // by room
	pairs  int
	dirty  map[string]news // rooms of which something is to be told
	own    map[pair]bool   // rows of one user that are to be told
	closed bool
	busy   bool // the worker is there
}

// watcher is a user who has a list open. watchers.mu guards it.
type watcher struct {
	user     string
	rooms    map[string]bool
	sessions []*open
	stop     func() // ends the following of the user's own room
}

// open is the list of one session.
type open struct {
	session Session
	held    bool            // its welcome is not sent yet
	missed  map[string]bool // rooms that have changed meanwhile
}

type pair struct{ user, room string }

// news is what has happened in a room since it was last told.
type news struct {
	counts bool // a counting entry came
	other  bool // something else did that rows show
}

// add makes a user a watcher of rooms. It returns false if the node has too many pairs.
func (w *watchers) add(user string, rooms []string, max int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[user]
	if u == nil {
		return false // the session has ended
	}
	if w.pairs+len(rooms) > max {
		return false
	}
	for _, room := range rooms {
		w.addLocked(u, room)
	}
	return true
}

func (w *watchers) addLocked(u *watcher, room string) {
	if u.rooms[room] {
		return
	}
	u.rooms[room] = true
	w.rooms[room] = append(w.rooms[room], u)
	w.pairs++
}

func (w *watchers) removeLocked(u *watcher, room string) {
	if !u.rooms[room] {
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
		u = &watcher{user: user, rooms: map[string]bool{}}
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

// sessionsOf returns the sessions of a user to which something about a room is told now.
// Those whose welcome is not sent yet are told later.
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

// holders returns who lists a room.
func (w *watchers) holders(room string) (users []string, sessions []Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.rooms[room] {
		users = append(users, u.user)
		sessions = u.ready(sessions, room)
	}
	return users, sessions
}

// settle notes whether a user has a room in the list.
func (w *watchers) settle(user, room string, gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch u := w.users[user]; {
	case u == nil:
	case gone:
		w.removeLocked(u, room)
	default:
		w.addLocked(u, room)
	}
}
