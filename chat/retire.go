package chat

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// retirement is which sessions are to end, and by when.
type retirement struct {
	before, by time.Time
	going      bool // its goroutine runs
}

// Retire asks the clients of sessions that began before a time to come back, one
// by one at random moments of the time over. A session over TLS or a stream keeps
// in memory what it began with, such as a web server's whole configuration; one
// over a bare connection keeps nothing and stays. A later call counts instead of
// this one.
func (h *Hub) Retire(before time.Time, over time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.retirement.before, h.retirement.by = before, time.Now().Add(over)
	if !h.retirement.going {
		h.retirement.going = true
		h.workers.Go(h.retire)
	}
}

// retirePace is how often some sessions of a retirement end.
const retirePace = 10 * time.Second

// retire ends sessions, a few at a time, until none is left that should.
func (h *Hub) retire() {
	for {
		old, rest := h.retiring()
		if len(old) == 0 {
			return
		}
		select {
		case <-h.context.Done():
			return
		case <-time.After(retirePace/2 + rand.N(retirePace)):
		}
		share := min(1, float64(retirePace)/float64(max(rest, 1)))
		n := share * float64(len(old))
		if rand.Float64() < n-math.Floor(n) {
			n++
		}
		for _, s := range old[:int(n)] {
			b := wire.Shutdown.Bye()
			b.Message = "please connect again"
			b.Retry = rand.N(time.Second)
			s.close(b)
		}
	}
}

// retiring returns the sessions that are to end, in no order, and how long that
// may take. Without any, the retirement is over.
func (h *Hub) retiring() (old []*Session, rest time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.sessions {
		if s.holds && s.began.Before(h.retirement.before) {
			old = append(old, s)
		}
	}
	h.retirement.going = len(old) > 0
	return old, time.Until(h.retirement.by)
}
