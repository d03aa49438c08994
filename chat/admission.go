package chat

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/chat/wsconn"
)

// ErrHubClosed is returned to those who come after Close or Leave.
var ErrHubClosed = errors.New("hub is closed")

// admit counts a connection from addr in, or says why it may not come. Whoever
// was admitted must be dismissed.
func (h *Hub) admit(addr netip.Addr) error {
	limit := h.settings()
	key := limitKey(addr)
	if !h.attempts.take(limit.ConnectRate, h.now(), key) {
		return &refusal{RefusedAttempts, wsconn.HandshakeError{
			Status: http.StatusTooManyRequests,
			Header: http.Header{"Retry-After": {retryAfter}},
			Reason: "too many connection attempts from your address",
		}}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return busy(RefusedClosing, "the server is shutting down")
	case h.admitted >= limit.MaxConnections:
		return busy(RefusedFull, "too many connections")
	case h.byAddr[key] >= limit.MaxConnectionsPerIP:
		return busy(RefusedFullByAddr, "too many connections from your address")
	}
	h.admitted++
	h.byAddr[key]++
	return nil
}

// retryAfter is what those who were refused for want of room are told, in
// seconds.
const retryAfter = "10"

func busy(why Refusal, reason string) error {
	return &refusal{why, wsconn.HandshakeError{
		Status: http.StatusServiceUnavailable,
		Header: http.Header{"Retry-After": {retryAfter}},
		Reason: reason,
	}}
}

// refusal is a handshake refused for a reason that is counted.
type refusal struct {
	why Refusal
	wsconn.HandshakeError
}

// dismiss takes back what admit counted.
func (h *Hub) dismiss(addr netip.Addr) {
	key := limitKey(addr)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.admitted--
	if h.byAddr[key]--; h.byAddr[key] == 0 {
		delete(h.byAddr, key)
	}
	if h.closed && h.admitted == 0 {
		h.emptied()
	}
}

// limitKey is what counts as one address: an IPv4 address, or the /64 that one
// IPv6 customer has at least.
func limitKey(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}

// enter registers a session. One that comes after Leave, or after a review of
// origins that it began before, is told goodbye here, since they did not see it.
func (h *Hub) enter(s *Session) {
	h.mu.Lock()
	h.sessions[s.id] = s
	h.counts.opened.Add(1)
	late, origins := h.closed, h.origins
	h.mu.Unlock()
	switch {
	case late:
		s.close(wire.Shutdown.Bye())
	case !s.began.After(origins.at) && !origins.allow(s.page):
		s.close(wire.Forbidden.Bye())
	}
}

// leave forgets a session that has ended.
func (h *Hub) leave(s *Session) {
	h.mu.Lock()
	delete(h.sessions, s.id)
	h.strikeOffLocked(s)
	h.mu.Unlock()
	h.dismiss(s.addr)
}

// greet counts a session that has not said hello in, or says why it may not
// come. Whoever was let in must be greeted.
func (h *Hub) greet() error {
	limit := h.settings().MaxGreeting
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.greeting >= limit {
		return busy(RefusedGreeting, "too many connections that have not said hello")
	}
	h.greeting++
	return nil
}

// greeted takes back what greet counted.
func (h *Hub) greeted() {
	h.mu.Lock()
	h.greeting--
	h.mu.Unlock()
}

// presentUser is a user who has sessions. Guarded by hub.mu, but for pace.
type presentUser struct {
	sessions []enrolled
	pace     *pace
}

// enrolled is a session whose user is known, and the device that it speaks for.
type enrolled struct {
	session *Session
	device  string // empty: it says nothing of it
}

// enrol makes id the user of s. A session of the same device is replaced.
func (h *Hub) enrol(s *Session, id *Identity, device string) error {
	set := h.settings()
	var replaced *Session
	h.mu.Lock()
	// A ban that comes later finds the session.
	if err := h.sanctions.check(banned, id.User.ID, ""); err != nil {
		h.mu.Unlock()
		return err
	}
	u := h.users[id.User.ID]
	if u == nil {
		u = &presentUser{pace: h.paces.of(id.User.ID, h.now())}
		h.users[id.User.ID] = u
	}
	old := slices.IndexFunc(u.sessions, func(e enrolled) bool { return device != "" && e.device == device })
	if old < 0 && len(u.sessions) >= set.MaxSessions {
		h.mu.Unlock()
		return wire.TooManySessions.Error("")
	}
	if old >= 0 {
		replaced = u.sessions[old].session
		u.sessions = slices.Delete(u.sessions, old, old+1)
	}
	s.identity.Store(id)
	s.users = u.pace
	u.sessions = append(u.sessions, enrolled{s, device})
	h.mu.Unlock()
	if replaced != nil {
		replaced.close(wire.Replaced.Bye())
	}
	return nil
}

func (h *Hub) strikeOffLocked(s *Session) {
	id := s.identity.Load()
	if id == nil || h.users[id.User.ID] == nil {
		return
	}
	u := h.users[id.User.ID]
	u.sessions = slices.DeleteFunc(u.sessions, func(e enrolled) bool { return e.session == s })
	if len(u.sessions) == 0 {
		delete(h.users, id.User.ID)
	}
}

// Leave refuses new clients and says goodbye to all there are, without waiting
// for them. It may be called more than once.
func (h *Hub) Leave() {
	h.mu.Lock()
	h.closed = true
	left := make([]*Session, 0, len(h.sessions))
	for _, s := range h.sessions {
		left = append(left, s)
	}
	if h.admitted == 0 {
		h.emptied()
	}
	h.mu.Unlock()
	for _, s := range left {
		b := wire.Shutdown.Bye()
		b.Retry += rand.N(returnTime(len(left)))
		s.close(b)
	}
}

// returnTime is over how long so many clients should come back: a thousand a
// second, so that the next server is not overrun.
func returnTime(clients int) time.Duration {
	return max(time.Second, time.Duration(clients)*time.Millisecond)
}

// Close says goodbye to every client, waits until they have gone, at most
// partingTime or until ctx ends, cuts off those that are left and closes the
// journal.
func (h *Hub) Close(ctx context.Context) error {
	h.Leave()
	timer := time.NewTimer(partingTime)
	defer timer.Stop()
	select {
	case <-h.empty:
	case <-timer.C:
	case <-ctx.Done():
	}
	h.cancel()
	err := h.engine.Close(context.WithoutCancel(ctx))
	// Those on their way in have found the engine closed. Once the last room has
	// been given back, nobody starts another worker.
	<-h.empty
	h.workers.Wait()
	return errors.Join(err, h.journal.Close())
}

// partingTime is how long clients have to answer a goodbye.
const partingTime = 2 * time.Second
