package caddymodule

import (
	"context"
	"errors"
	"time"

	"github.com/caddychat/caddy-chat/caddymodule/journals"
	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// HubState is a hub that may not be there yet, as it is at one moment: it is open, or
// it is closed because it could not be started, most often because its journal could
// not be opened. It does not change.
type HubState struct {
	closed  error // why hub is nil
	hub     *chat.Hub
	journal journal.Journal // of hub
	place   string          // of journal, as hubSettings.journalPlace
}

// Hub returns the hub. If it is closed, it returns why, and what an operator can do.
// A hub may be closed at any later time: a method that fails because of that returns
// chat.ErrHubClosed or journal.ErrClosed.
func (s *HubState) Hub() (*chat.Hub, error) { return s.hub, s.closed }

// Warnings returns what an operator should look at although the hub is open, in words.
func (s *HubState) Warnings() []string {
	if s.hub == nil {
		return nil
	}
	return s.hub.Warnings()
}

// close closes the hub if there is one. s may be nil.
func (s *HubState) close() error {
	if s == nil || s.hub == nil {
		return nil
	}
	s.hub.Leave()
	ends := s.hub.Left().Add(closeTimeout)
	if least := time.Now().Add(leastCloseTime); ends.Before(least) {
		ends = least
	}
	ctx, cancel := context.WithDeadline(context.Background(), ends)
	defer cancel()
	return s.hub.Close(ctx)
}

// Reasons why a hub is closed without a failure.
var (
	errNotStarted = errors.New("its configuration does not run yet")
	errOpening    = errors.New("its journal is still being opened")
	errReleased   = errors.New("all handlers have released the hub")
)

// inWords tells strangers why a hub is closed. The error itself may name directories.
func inWords(err error) string {
	words := journals.Words(err)
	switch {
	case errors.Is(err, errOpening):
		words = "its journal is still being opened"
	case errors.Is(err, errReleased):
		words = "the server is stopping"
	case words == "":
		words = "it could not be started"
	}
	return "the chat is closed: " + words
}

// closeTimeout is how long closing a hub may take, and a second more: see chat.Hub.Close. It
// counts from the moment at which the hub has begun to leave. When the process ends, that is
// before its requests are over, which takes up to three seconds. So closing has leastCloseTime
// at least.
const (
	closeTimeout   = 4 * time.Second
	leastCloseTime = time.Second
)

// startTimeout is how long the start of a configuration waits for its hubs, all
// together. What takes longer goes on in the background.
var startTimeout = 3 * time.Second // a test shortens it

var (
	retryInterval = 5 * time.Second // between attempts to open a journal; a test shortens it
	repeatReason  = time.Hour       // after this an old reason is logged again; a test shortens it
)

// opening tries to start a hub whose journal is at one place, again and again
// until that succeeds or the opening is given up.
type opening struct {
	// Fixed.
	place  string // of the journal, as lease.place
	retry  time.Duration
	cancel context.CancelFunc // gives the opening up
	again  chan struct{}      // asks for another attempt at once; has room for one
	ended  chan struct{}      // closed when the goroutine has ended
}

// beginOpening begins an opening. attempt tries once and returns whether to go on.
func beginOpening(place string, attempt func(context.Context, *opening) (goOn bool)) *opening {
	ctx, cancel := context.WithCancel(context.Background())
	o := &opening{place, retryInterval, cancel, make(chan struct{}, 1), make(chan struct{})}
	go func() {
		defer close(o.ended)
		defer cancel()
		for attempt(ctx, o) && o.pause(ctx) {
		}
	}()
	return o
}

// pause waits until it is time for another attempt. It returns false if there must be
// none.
func (o *opening) pause(ctx context.Context) bool {
	timer := time.NewTimer(o.retry)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-o.again:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// tryAgain asks for another attempt at once, after the one that is under way.
func (o *opening) tryAgain() {
	select {
	case o.again <- struct{}{}:
	default:
	}
}

// giveUpTime is how long giveUp waits for an attempt that is under way.
const giveUpTime = time.Second

// giveUp ends the opening. It waits for an attempt that is under way, so that nothing
// holds the journal afterwards, but no longer than giveUpTime: an attempt that a disk
// holds up can't be ended. Such an attempt ends by itself, and what it opens is closed.
func (o *opening) giveUp() {
	o.cancel()
	timer := time.NewTimer(giveUpTime)
	defer timer.Stop()
	select {
	case <-o.ended:
	case <-timer.C:
	}
}
