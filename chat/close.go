package chat

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/internal/foreign"
)

// How long Close waits for what. The second time is what is left once its context has
// ended: one second in all.
var (
	goodbyeTime = patient{2 * time.Second, 0}                              // for clients that answer a goodbye
	releaseTime = patient{time.Second, 150 * time.Millisecond}             // for what waits for the journal, or uses it
	journalTime = patient{5500 * time.Millisecond, 500 * time.Millisecond} // half a second longer than a journal's Close promises
)

// ErrLeftBehind is wrapped by the error of a Close that has given up on something, such
// as a journal or a login that does not return.
var ErrLeftBehind = errors.New("left behind when the hub closed")

// Close says goodbye to every client and waits until they have gone: at most 2
// seconds, which count from Leave if that was called before, or until ctx ends. Then it
// cuts off those that are left and closes the journal. Whatever hangs, Close takes 10.5
// seconds at most in all, and returns at most one second after ctx has ended. What has not
// ended by then is left behind: the error wraps ErrLeftBehind and says what it is.
func (h *Hub) Close(ctx context.Context) error {
	h.Leave()
	unhooked := inBackground(h.closeFeed)
	goodbye := goodbyeTime
	goodbye.most = max(0, goodbye.most-time.Since(h.Left()))
	goodbye.wait(ctx, h.core.Slots.Empty())
	marked := inBackground(h.core.Close)
	releaseTime.wait(ctx, marked)
	h.cancel()

	var at atomic.Pointer[string] // what is being waited for
	var fromEngine, fromJournal error
	released := inBackground(func() {
		fromEngine = h.engine.Close(context.WithoutCancel(ctx))
		for _, step := range []struct {
			what string
			wait func()
		}{
			// Clients on their way in have found the engine closed. Once the last slot is
			// free, no room begins any more.
			{"a client on its way in or out", func() { <-h.core.Slots.Empty() }},
			{"a handshake", h.workers.Wait}, // or a retirement, which waits for nobody
			{"a room, which waits for the journal", h.rooms.Wait},
			{"read marks", func() { <-marked }},
			{"what other nodes are told", h.roll.Close},
			{"sessions of which other nodes are told", h.arrivals.Close},
			{"other nodes, which the journal follows", h.others.Close},
			{"events, which wait for the journal", h.events.Close},
			{"a webhook, which waits for the journal", func() { <-unhooked }},
		} {
			at.Store(&step.what)
			step.wait()
		}
	})
	releaseTime.wait(ctx, released) // if not, the journal's Close may answer those who wait
	closed := inBackground(func() {
		fromJournal = foreign.Do(context.WithoutCancel(ctx), h.journal.Close)
	})
	journalEnds := journalTime.wait(ctx, closed)
	switch {
	case !releaseTime.wait(ctx, released):
		what := "a connection"
		if step := at.Load(); step != nil {
			what = *step
		}
		return fmt.Errorf("%w: %s", ErrLeftBehind, what)
	case !journalEnds:
		return fmt.Errorf("%w: the journal, which does not close", ErrLeftBehind)
	}
	return errors.Join(fromEngine, fromJournal)
}

// closeFeed ends the webhooks and those who wait for events. It waits for no receiver. That
// all users go now is told to nobody: most are back after the next start.
func (h *Hub) closeFeed() {
	h.missed.Close()
	h.online.Close()
	h.hooks.Close()
	h.feed.Close()
}

// inBackground calls f, which is our own, and closes done when it returns.
func inBackground(f func()) (done <-chan struct{}) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
	}()
	return ended
}

// patient says how long to wait for something: most, and once a context has ended, last.
type patient struct{ most, last time.Duration }

// wait waits until done is closed, and reports whether it is.
func (p patient) wait(ctx context.Context, done <-chan struct{}) bool {
	timer := time.NewTimer(p.most)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	case <-ctx.Done():
	}
	timer.Reset(min(p.most, p.last))
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
