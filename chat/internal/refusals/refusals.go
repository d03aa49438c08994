// Package refusals says what a client is told of an error, and logs what it is not told.
package refusals

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Refusals are those of one hub. Any goroutine may use them.
type Refusals struct {
	Log   *zap.Logger   // fixed
	Clock *timing.Clock // fixed

	// What clients can cause as often as they like is logged once in a while.
	saidCause, saidNotAppended timing.Seldom
}

// isTemporary reports whether an error is not a fault of ours: the journal cannot
// be used now and says so itself or does not answer in time, the hub is closing, or
// whoever asked has gone.
func isTemporary(err error) bool {
	for _, known := range []error{
		journal.ErrUnavailable, journal.ErrClosed, journal.ErrUncertain, room.ErrClosed, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// Refusal returns what a client is told of an error: its code and message. An
// error that nobody expects is logged.
func (r *Refusals) Refusal(err error, doing string) *wire.Error {
	var e *wire.Error
	switch {
	case errors.As(err, &e):
		return e
	case isTemporary(err):
		return Unavailable(err)
	}
	r.Log.Error(doing+" failed", zap.Error(err))
	return wire.Internal.Error("")
}

// LogCause logs what is behind an error, if the client is not told that.
func (r *Refusals) LogCause(err error) {
	if _, told := err.(*wire.Error); told || errors.Is(err, access.ErrNoCredential) || errors.Is(err, context.Canceled) {
		return
	}
	if entry := r.Log.Check(zap.WarnLevel, "client refused because of an internal error"); entry != nil && r.saidCause.Allow(r.Clock.Now(), time.Second) {
		entry.Write(zap.Error(err))
	}
}

// Unavailable returns the error of what the journal could not do. The client is told
// if it may be done all the same.
func Unavailable(err error) *wire.Error {
	e := wire.Unavailable.Error("")
	e.Uncertain = errors.Is(err, journal.ErrUncertain)
	return e
}

// Full returns the error for whoever has added too much to the record.
func Full() *wire.Error {
	e := wire.Unavailable.Error("")
	e.Message = "members, tags, conversations and the like have nearly filled the record, and you have added so many that no more of yours are taken: something is left for others"
	return e
}

// NotAppended logs why the journal did not record an entry, and returns what the client
// is told.
func (r *Refusals) NotAppended(err error) error {
	if !errors.Is(err, journal.ErrClosed) && !errors.Is(err, context.Canceled) { // the hub closes, or whoever asked has gone
		if entry := r.Log.Check(zap.WarnLevel, "message not recorded"); entry != nil && r.saidNotAppended.Allow(r.Clock.Now(), time.Second) {
			entry.Write(zap.Error(err))
		}
	}
	return Unavailable(err)
}
