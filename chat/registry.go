package chat

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// registry holds the sessions of a hub and their users, and counts connections.
// mu is above the mutex of room.Rooms.
type registry struct {
	greeting greeting // has a mutex of its own

	mu       sync.Mutex // guards the rest
	closed   bool
	sessions map[string]*session    // by id
	users    map[string]*onlineUser // by id
	byAddr   map[netip.Addr]int     // connections that have a slot
	slots    int                    // connections that have a slot: sessions, and those about to be one
	review   access.OriginReview    // the last one
	empty    chan struct{}          // closed by emptied: the hub is closed, and no slot is taken
	emptied  func()
}

// onlineUser is a user who has sessions.
type onlineUser struct {
	sessions []userSession
}

// userSession is a session whose user is known.
type userSession struct {
	session *session
	device  string // as hello names it; may be empty
}

func newRegistry() registry {
	empty := make(chan struct{})
	return registry{
		greeting: newGreeting(),
		sessions: map[string]*session{},
		users:    map[string]*onlineUser{},
		byAddr:   map[netip.Addr]int{},
		empty:    empty,
		emptied:  sync.OnceFunc(func() { close(empty) }),
	}
}

// reserve takes a slot for a connection from addr, or returns why there is none.
// Whoever has a slot must release it.
func (r *registry) reserve(addr netip.Addr, set *Settings) (full Refusal, ok bool) {
	key := access.AddressKey(addr)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return RefusedClosing, false
	case r.slots >= set.MaxConnections:
		return RefusedFull, false
	case r.byAddr[key] >= set.MaxConnectionsPerIP:
		return RefusedFullByAddr, false
	}
	r.slots++
	r.byAddr[key]++
	return 0, true
}

// release gives a slot back.
func (r *registry) release(addr netip.Addr) {
	key := access.AddressKey(addr)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slots--
	if r.byAddr[key]--; r.byAddr[key] == 0 {
		delete(r.byAddr, key)
	}
	if r.closed && r.slots == 0 {
		r.emptied()
	}
}

// register adds a session. A session that comes after the hub was closed, or that
// began before a change of origins, is closed here, because neither has seen it.
func (r *registry) register(s *session) {
	r.mu.Lock()
	r.sessions[s.ID()] = s
	closed, review := r.closed, r.review
	r.mu.Unlock()
	switch {
	case closed:
		s.Close(wire.Shutdown)
	case !s.began.After(review.At) && !review.Allow(s.source):
		s.Close(wire.Forbidden)
	}
}

// unregister removes a session that has ended, and gives its slot back.
func (r *registry) unregister(s *session) {
	r.mu.Lock()
	delete(r.sessions, s.ID())
	if id := s.Identity(); id != nil {
		r.removeFromUserLocked(s, id.User.ID)
	}
	r.mu.Unlock()
	r.release(s.Addr())
}

func (r *registry) removeFromUserLocked(s *session, user string) {
	u := r.users[user]
	if u == nil {
		return
	}
	u.sessions = slices.DeleteFunc(u.sessions, func(other userSession) bool { return other.session == s })
	if len(u.sessions) == 0 {
		delete(r.users, user)
	}
}

// addToUser makes id the user of s. It replaces a session of the same user and
// device.
func (r *registry) addToUser(s *session, id *access.Identity, device string) error {
	replaced, err := r.addToUserReplacing(s, id, device)
	if replaced != nil {
		replaced.Close(wire.Replaced)
	}
	return err
}

func (r *registry) addToUserReplacing(s *session, id *access.Identity, device string) (replaced *session, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users[id.User.ID]
	if u == nil {
		u = &onlineUser{}
	}
	old := slices.IndexFunc(u.sessions, func(other userSession) bool { return device != "" && other.device == device })
	switch {
	case old >= 0:
		replaced = u.sessions[old].session
	case len(u.sessions) >= s.hub.settings().MaxSessions:
		return nil, wire.TooManySessions.Error("")
	}
	if err := s.Become(id); err != nil {
		return nil, err
	}
	r.users[id.User.ID] = u
	if replaced != nil {
		u.sessions = slices.Delete(u.sessions, old, old+1)
	}
	u.sessions = append(u.sessions, userSession{s, device})
	return replaced, nil
}

// session returns the session with that id, or nil.
func (r *registry) session(id string) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessions[id]
}

// sessionsOf returns the sessions of a user. A raw client that has shown no
// credential has the id of its session.
func (r *registry) sessionsOf(user string) []acts.Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []acts.Session
	if u := r.users[user]; u != nil {
		for _, us := range u.sessions {
			list = append(list, us.session)
		}
	}
	if s := r.sessions[user]; s != nil && s.Identity() == nil {
		list = append(list, s)
	}
	return list
}

// snapshot returns all sessions, and those whose users are known with their devices. It
// only copies, so that nobody waits for whoever makes a list of fifty thousand.
func (r *registry) snapshot() (all []*session, known []userSession) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all, known = slices.Grow(all, len(r.sessions)), slices.Grow(known, len(r.sessions))
	for _, s := range r.sessions {
		all = append(all, s)
	}
	for _, u := range r.users {
		known = append(known, u.sessions...)
	}
	return all, known
}

// all returns the sessions for which want returns true. want is called with the
// mutex held.
func (r *registry) all(want func(*session) bool) []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.allLocked(want)
}

func (r *registry) allLocked(want func(*session) bool) []*session {
	var list []*session
	for _, s := range r.sessions {
		if want(s) {
			list = append(list, s)
		}
	}
	return list
}

// close lets nobody else in.
func (r *registry) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.slots == 0 {
		r.emptied()
	}
}

func (r *registry) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// reviewOrigins returns the sessions of pages that may no longer connect.
func (r *registry) reviewOrigins(of []access.Origins) []*session {
	verdicts := map[access.Source]bool{}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.review = access.OriginReview{At: time.Now(), Of: of}
	return r.allLocked(func(s *session) bool {
		allowed, known := verdicts[s.source]
		if !known {
			allowed = r.review.Allow(s.source)
			verdicts[s.source] = allowed
		}
		return !allowed
	})
}
