package chat

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// core is what every act needs: the rules and the record. It knows no sessions.
type core struct {
	// Fixed. Each may be used by any goroutine.
	journal   journal.Journal
	log       *zap.Logger
	began     time.Time
	rooms     *room.Rooms
	marks     *readMarks
	sanctions *sanctions
	context   context.Context // ends when the sessions have gone

	current      atomic.Pointer[Settings]
	counts       counters
	userLimiters access.UserLimiters
	addresses    access.AddressLimiter
}

func (c *core) settings() *Settings { return c.current.Load() }

// now is the time since the hub began. Unlike the system's clock, nobody sets it.
func (c *core) now() time.Duration { return time.Since(c.began) }

// isTemporary reports whether an error is not a fault of ours: the journal cannot
// be used now and says so itself, the hub is closing, or whoever asked has gone.
func isTemporary(err error) bool {
	return errors.Is(err, journal.ErrUnavailable) || errors.Is(err, journal.ErrClosed) || errors.Is(err, ErrHubClosed) ||
		errors.Is(err, context.Canceled)
}

// refusal returns what a client is told of an error: its code and message. An
// error that nobody expects is logged.
func (c *core) refusal(err error, doing string) *wire.Error {
	var e *wire.Error
	switch {
	case errors.As(err, &e):
		return e
	case isTemporary(err):
		return wire.Unavailable.Error("")
	}
	c.log.Error(doing+" failed", zap.Error(err))
	return wire.Internal.Error("")
}

// logCause logs what is behind an error, if the client is not told that.
func (c *core) logCause(err error) {
	if _, told := err.(*wire.Error); told || errors.Is(err, access.ErrNoCredential) || errors.Is(err, context.Canceled) {
		return
	}
	if entry := c.log.Check(zap.WarnLevel, "client refused because of an internal error"); entry != nil {
		entry.Write(zap.Error(err))
	}
}

// logNotRecorded logs why the journal did not record an entry.
func (c *core) logNotRecorded(err error) {
	if errors.Is(err, journal.ErrClosed) {
		return // the hub is closing
	}
	if entry := c.log.Check(zap.WarnLevel, "message not recorded"); entry != nil {
		entry.Write(zap.Error(err))
	}
}

// ErrHubClosed is returned to those who come after Close or Leave.
var ErrHubClosed = room.ErrClosed
