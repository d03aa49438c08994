package webhook

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/feed"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Sender sends the webhooks of a hub. Its methods may be called by any goroutine.
type Sender struct {
	// Fixed.
	journal journal.Journal
	feed    *feed.Feed
	log     *zap.Logger
	via     func(*Hook) http.RoundTripper // a test replaces it

	working sync.WaitGroup // one goroutine for each consumer

	mu         sync.Mutex // guards the rest
	hooks      map[string]*running
	order      []string                   // names, in the order of the settings
	ending     map[string]<-chan struct{} // closed when the last consumers of that name have ended
	generation uint64                     // of settings
	closed     bool
}

// running is a webhook of the current settings and its goroutines.
type running struct {
	hook

	// Fixed.
	consumers []*consumer
	cancel    context.CancelFunc
	ended     chan struct{} // closed when all consumers have
}

// NewSender returns a Sender without webhooks. Close must be called, before f and the
// journal are closed.
func NewSender(j journal.Journal, f *feed.Feed, log *zap.Logger) *Sender {
	return &Sender{
		journal: j, feed: f, log: log, via: func(h *Hook) http.RoundTripper { return newTransport(h) },
		hooks: map[string]*running{}, ending: map[string]<-chan struct{}{},
	}
}

// Configure changes the webhooks. It waits for nobody: a request that is under way ends as
// it began, and the next one goes where the settings say. A webhook that was there before
// goes on where it is. Hooks that are not valid are left out.
func (s *Sender) Configure(hooks []Hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.generation++
	s.order = nil
	wanted := map[string]bool{}
	for i := range hooks {
		h := &hooks[i]
		filter, err := h.filter()
		if err != nil || h.Validate() != nil || wanted[h.Name] {
			continue
		}
		set := &active{Hook: *h, filter: filter, generation: s.generation}
		set.Batch, set.Interval = cmp.Or(h.Batch, 100), cmp.Or(h.Interval, time.Second)
		set.client = newClient(h, s.via(h))
		wanted[h.Name] = true
		s.order = append(s.order, h.Name)
		s.applyLocked(set)
	}
	for name, h := range s.hooks {
		if !wanted[name] {
			h.cancel()
			delete(s.hooks, name)
			s.ending[name] = h.ended
		}
	}
}

// applyLocked gives a webhook its settings, and begins it if it is new.
func (s *Sender) applyLocked(set *active) {
	if h := s.hooks[set.Name]; h != nil {
		h.current.Swap(set).client.close()
		for _, c := range h.consumers {
			c.state.change(func(p *partState) { p.stopped = false })
			c.nudge()
		}
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &running{hook: hook{name: set.Name}, cancel: cancel, ended: make(chan struct{})}
	h.current.Store(set)
	before := s.ending[set.Name]
	delete(s.ending, set.Name)
	var consumers sync.WaitGroup
	for part := range s.journal.Parts() {
		c := &consumer{hook: &h.hook, part: part, feed: s.feed, wake: make(chan struct{}, 1)}
		c.log = s.log.With(zap.String("webhook", h.name))
		c.store = store{journal: s.journal, key: recordKey(h.name, part), self: s.journal.Nodes().Self().ID}
		wants := func(e *journal.Entry) bool { return h.current.Load().filter.Wants(e) }
		var stop func()
		c.ears, stop = s.feed.Listen(part, wants)
		h.consumers = append(h.consumers, c)
		consumers.Add(1)
		s.working.Go(func() {
			defer consumers.Done()
			defer stop()
			if before != nil {
				<-before // it was told to end
			}
			c.run(ctx)
		})
	}
	s.working.Go(func() {
		consumers.Wait()
		h.current.Load().client.close()
		close(h.ended)
	})
	s.hooks[h.name] = h
}

// Close ends all webhooks. It waits for no receiver: what was not accepted yet is sent again
// by whoever goes on. It waits for the journal for a moment, to give leases back.
func (s *Sender) Close() {
	s.mu.Lock()
	s.closed = true
	for _, h := range s.hooks {
		h.cancel()
	}
	s.mu.Unlock()
	s.working.Wait()
}
