package webhook

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/feed"
)

// figures are what a webhook has done since the hub began, over all parts. Any goroutine
// may use them.
type figures struct {
	delivered atomic.Uint64 // events
	requests  atomic.Uint64
	retried   atomic.Uint64 // requests that were not accepted and sent again
	skipped   atomic.Uint64 // events
}

// hook is a webhook as its consumers know it.
type hook struct {
	figures
	name    string // fixed
	current atomic.Pointer[active]
}

// active are the settings of a webhook, and what follows from them. They are fixed.
type active struct {
	Hook
	filter     *feed.Filter
	client     *client
	generation uint64 // rises with each configuration
}

// partState is what others see of a consumer.
type partState struct {
	mu      sync.Mutex // guards the rest
	at      string
	holder  string // the node that has the lease; empty if it is not known
	waiting int64  // the time of the oldest event that is not accepted yet, Unix milliseconds; 0: there is none
	failing string // why the receiver did not accept the last request; empty if it did
	since   time.Time
	stopped bool // by 410
}

func (p *partState) change(f func(*partState)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

// lag is how long the oldest event waits that is not accepted yet.
func (p *partState) lag(now time.Time) time.Duration {
	if p.waiting == 0 {
		return 0
	}
	return max(0, now.Sub(time.UnixMilli(p.waiting)))
}
