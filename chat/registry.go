package chat

import (
	"slices"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/command"
	"github.com/caddychat/caddy-chat/chat/internal/online"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// registry holds the sessions of a hub and their users. mu is above the mutex of
// room.Rooms.
type registry struct {
	greeting greeting        // has a mutex of its own
	online   *online.Tracker // fixed; below mu

	arrivals *command.Arrivals // fixed

	mu       sync.Mutex             // guards the rest
	sessions map[string]*session    // by id
	users    map[string]*onlineUser // by id
	review   access.OriginReview    // the last one
}

// onlineUser is a user who has sessions.
type onlineUser struct {
	sessions []userSession
	guest    bool
}

// userSession is a session whose user is known.
type userSession struct {
	session *session
	device  string // as hello names it; may be empty
	at      int64  // when it became known, in Unix nanoseconds
}

func newRegistry() registry {
	return registry{greeting: newGreeting(), sessions: map[string]*session{}, users: map[string]*onlineUser{}}
}

// register adds a session. A session that comes after the hub was closed or cut off, or that
// began before a change of origins, is closed here, because none of these has seen it.
func (r *registry) register(s *session) {
	r.mu.Lock()
	r.sessions[s.ID()] = s
	review := r.review
	r.mu.Unlock()
	switch {
	case s.hub.core.Slots.IsClosed(), s.hub.cutOff.Load(): // looked at after it is listed; Leave does it the other way round
		s.Close(wire.Shutdown)
	case !s.began.After(review.At) && !review.Allow(s.source):
		s.Close(wire.Forbidden)
	}
}

// unregister removes a session that has ended, if it is listed.
func (r *registry) unregister(id string) {
	if s, last := r.remove(id); last {
		s.hub.core.NoteLeft(s.User())
	}
}

// remove returns true if the session was its user's last one.
func (r *registry) remove(id string) (s *session, last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s = r.sessions[id]; s == nil {
		return nil, false
	}
	delete(r.sessions, id)
	user := s.Identity()
	return s, user != nil && r.removeFromUserLocked(s, user.User.ID)
}

func (r *registry) removeFromUserLocked(s *session, user string) (last bool) {
	u := r.users[user]
	if u == nil {
		return false
	}
	u.sessions = slices.DeleteFunc(u.sessions, func(other userSession) bool { return other.session == s })
	if len(u.sessions) > 0 {
		return false
	}
	delete(r.users, user)
	r.online.Went(user)
	return true
}

// listed is a registry as acts see it: see acts.Sessions.
type listed struct{ *registry }

// Of returns the sessions of a user. A raw client that has shown no credential has the id
// of its session.
func (r listed) Of(user string) []acts.Session {
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

// Add implements acts.Sessions.
func (r listed) Add(session, user, device string, admit func(others int) error) error {
	now := time.Now().UnixNano()
	replaced, err := r.addReplacing(session, user, device, now, admit)
	if replaced != nil {
		replaced.Close(wire.Replaced)
	}
	if err == nil {
		r.arrivals.Add(command.Arrived{User: user, Device: device, Session: session, At: now})
	}
	return err
}

func (r *registry) addReplacing(session, user, device string, now int64, admit func(others int) error) (replaced *session, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, u := r.sessions[session], r.users[user]
	if s == nil {
		return nil, wire.Unavailable.Error("") // it has ended meanwhile
	}
	if u == nil {
		u = &onlineUser{}
	}
	old := slices.IndexFunc(u.sessions, func(other userSession) bool { return device != "" && other.device == device })
	others := len(u.sessions)
	if old >= 0 {
		others--
	}
	if err := admit(others); err != nil {
		return nil, err
	}
	r.users[user], u.guest = u, s.User().Guest
	if len(u.sessions) == 0 && !u.guest {
		r.online.Came(user)
	}
	if old >= 0 {
		replaced = u.sessions[old].session
		u.sessions = slices.Delete(u.sessions, old, old+1)
	}
	u.sessions = append(u.sessions, userSession{s, device, now})
	return replaced, nil
}

// arrivedBefore returns how many sessions each of these users has here that became known
// before those of the node that tells of them, and which others end because theirs have the same
// device. node is this one.
func (r *registry) arrivedBefore(told *command.Command, node string) (before []int, replaced []*session) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range told.Arrived {
		e, n := &told.Arrived[i], 0
		if u := r.users[e.User]; u != nil {
			for _, us := range u.sessions {
				switch {
				case !e.WasAfter(us.at, node, told.By, now, told.Takes()):
				case e.Device != "" && us.device == e.Device:
					replaced = append(replaced, us.session)
				default:
					n++
				}
			}
		}
		before = append(before, n)
	}
	return before, replaced
}

// eachUser calls each for all users who have sessions but guests, with the mutex held.
func (r *registry) eachUser(each func(id string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, u := range r.users {
		if !u.guest {
			each(id)
		}
	}
}

// session returns the session with that id, or nil.
func (r *registry) session(id string) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessions[id]
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
