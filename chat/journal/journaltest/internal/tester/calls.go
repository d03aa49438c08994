package tester

import (
	"sync"
	"time"
)

// calls collects what a callback of the journal gets. It checks that the calls come
// one at a time, and none after the end.
type calls[V any] struct {
	T    *T
	what string

	mu      sync.Mutex // guards the rest
	got     []V
	running bool
	ended   bool
	more    chan struct{} // closed and replaced at each call
}

func newCalls[V any](t *T, what string) *calls[V] {
	return &calls[V]{T: t, what: what, more: make(chan struct{})}
}

// call is what the callback does. inside runs during the call; it may be nil.
func (c *calls[V]) call(v V, inside func(V)) {
	c.mu.Lock()
	switch {
	case c.running:
		c.T.Errorf("%s was called while a call was running", c.what)
	case c.ended:
		c.T.Errorf("%s was called after the end: %+v", c.what, v)
	}
	c.running = true
	c.mu.Unlock()
	if inside != nil {
		inside(v)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, v)
	c.running = false
	close(c.more)
	c.more = make(chan struct{})
}

// End allows no further calls. It is called when the journal says that there are none.
func (c *calls[V]) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		c.T.Errorf("%s still runs after the end", c.what)
	}
	c.ended = true
}

// stopper returns a function for the end of the test or before: it calls stop, after
// which there may be no call.
func (c *calls[V]) stopper(stop func()) func() {
	f := sync.OnceFunc(func() {
		stop()
		c.End()
	})
	c.T.Cleanup(f)
	return f
}

// Until waits until the calls are enough, and returns them.
func (c *calls[V]) Until(enough func([]V) bool) []V {
	c.T.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		got, more := c.got, c.more
		c.mu.Unlock()
		if enough(got) {
			return got
		}
		select {
		case <-more:
		case <-deadline:
			c.T.Fatalf("%s was called %d times, and more calls are missing", c.what, len(got))
		}
	}
}

// Wait waits for n calls, and returns all that have come.
func (c *calls[V]) Wait(n int) []V {
	c.T.Helper()
	return c.Until(func(got []V) bool { return len(got) >= n })
}
