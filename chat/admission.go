package chat

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/caddychat/caddy-chat/chat/wsconn"
)

// ErrHubClosed is returned to those who come after Close or Leave.
var ErrHubClosed = errors.New("hub is closed")

// admit counts a connection from addr in, or says why it may not come. Whoever
// was admitted must be dismissed.
func (h *Hub) admit(addr netip.Addr) error {
	limit := h.settings()
	key := limitKey(addr)
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

// enter registers a session. One that comes after Leave is told goodbye here,
// since Leave did not see it.
func (h *Hub) enter(s *Session) {
	h.mu.Lock()
	h.sessions[s.id] = s
	h.counts.opened.Add(1)
	late := h.closed
	h.mu.Unlock()
	if late {
		s.close(closeShutdown)
	}
}

// leave forgets a session that has ended.
func (h *Hub) leave(s *Session) {
	h.mu.Lock()
	delete(h.sessions, s.id)
	h.mu.Unlock()
	h.dismiss(s.addr)
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
		s.close(closeShutdown)
	}
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
	err := h.engine.Close(context.WithoutCancel(ctx))
	// Those on their way in have found the engine closed. Once the last has been
	// dismissed, nobody starts another worker.
	<-h.empty
	h.workers.Wait()
	return errors.Join(err, h.journal.Close())
}

// partingTime is how long clients have to answer a goodbye.
const partingTime = 2 * time.Second
