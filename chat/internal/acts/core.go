package acts

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
	"github.com/caddychat/caddy-chat/chat/internal/keyedmutex"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/sanctions"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Core is what every act needs: the rules and the record. It knows no sockets.
// Its methods may be called concurrently.
type Core struct {
	// Fixed. Each may be used by any goroutine.
	journal   journal.Journal
	log       *zap.Logger
	began     time.Time
	rooms     *room.Rooms
	marks     *readmarks.Marks
	lists     list.Reader
	live      *list.Live
	sent      *readmarks.Sending[*Actor]
	seen      *readmarks.Sending[*Actor] // marks that others are told of
	sanctions *sanctions.Sanctions
	sessions  Sessions
	context   context.Context // ends when the sessions have gone
	node      string          // the journal's id of this process

	Counts Counters

	current      atomic.Pointer[Settings]
	userLimiters access.UserLimiters
	addresses    access.AddressLimiter
	changing     keyedmutex.Mutex[changed]
	newRooms     access.KeyLimiter[access.Person] // first entries of rooms
	founding     access.KeyLimiter[access.Person]
	listing      access.KeyLimiter[access.Person] // commands list
	speaking     keyedmutex.Mutex[speaker]
	again        sync.WaitGroup // acts that are judged again
	reading      reading
	hidden       hidden
	slots        slots
	inHand       backpressure.InHand[access.Person]
	requests     backpressure.Share[netip.Addr] // bytes that they hold, by access.AddressKey
	patience     atomic.Pointer[patience]
	saidAhead    Seldom

	// What clients can cause as often as they like is logged once in a while.
	saidCause, saidNotAppended Seldom

	saidFull Seldom
}

// Configure changes the settings.
func (c *Core) Configure(s Settings) {
	if c.current.Swap(&s) != nil {
		c.live.PoliciesChanged()
	}
}

// journalTimeout is how long the hub waits for the journal at most: for a read, for a
// record, and for a place in its queue.
const journalTimeout = 10 * time.Second

// Bound returns a context that ends with ctx, with the hub, and after journalTimeout.
func (c *Core) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, journalTimeout)
	stop := context.AfterFunc(c.context, cancel)
	return ctx, func() { stop(); cancel() }
}

// patience is a context that many share.
type patience struct {
	ctx   context.Context
	until time.Duration // it is handed out; as long again later it ends
}

// Soon returns a context that ends with the hub, or after half a journalTimeout to a
// whole one. All sessions share it, since each message needs one, and nearly none waits.
func (c *Core) Soon() context.Context {
	now := c.Now()
	if p := c.patience.Load(); p != nil && now < p.until {
		return p.ctx
	}
	ctx, cancel := context.WithCancelCause(c.context)
	time.AfterFunc(journalTimeout, func() { cancel(context.DeadlineExceeded) })
	c.patience.Store(&patience{ctx, now + journalTimeout/2})
	return ctx
}

// Seldom says when something may be logged again. The zero value is ready to use.
type Seldom struct{ next atomic.Int64 }

// Allow reports whether nothing was allowed within the last interval.
func (s *Seldom) Allow(now, interval time.Duration) bool {
	next := s.next.Load()
	return int64(now) >= next && s.next.CompareAndSwap(next, int64(now+interval))
}

func (c *Core) settings() *Settings { return c.current.Load() }

// Now is the time since the hub began. Unlike the system's clock, nobody sets it.
func (c *Core) Now() time.Duration { return time.Since(c.began) }

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
func (c *Core) Refusal(err error, doing string) *wire.Error {
	var e *wire.Error
	switch {
	case errors.As(err, &e):
		return e
	case isTemporary(err):
		return unavailable(err)
	}
	c.log.Error(doing+" failed", zap.Error(err))
	return wire.Internal.Error("")
}

// LogCause logs what is behind an error, if the client is not told that.
func (c *Core) LogCause(err error) {
	if _, told := err.(*wire.Error); told || errors.Is(err, access.ErrNoCredential) || errors.Is(err, context.Canceled) {
		return
	}
	if entry := c.log.Check(zap.WarnLevel, "client refused because of an internal error"); entry != nil && c.saidCause.Allow(c.Now(), time.Second) {
		entry.Write(zap.Error(err))
	}
}

// unavailable returns the error of what the journal could not do. The client is told
// if it may be done all the same.
func unavailable(err error) *wire.Error {
	e := wire.Unavailable.Error("")
	e.Uncertain = errors.Is(err, journal.ErrUncertain)
	return e
}

// notAppended logs why the journal did not record an entry, and returns what the client
// is told.
func (c *Core) notAppended(err error) error {
	if !errors.Is(err, journal.ErrClosed) && !errors.Is(err, context.Canceled) { // the hub closes, or whoever asked has gone
		if entry := c.log.Check(zap.WarnLevel, "message not recorded"); entry != nil && c.saidNotAppended.Allow(c.Now(), time.Second) {
			entry.Write(zap.Error(err))
		}
	}
	return unavailable(err)
}

// speaker is an actor who says something in a conversation: if what it says is judged
// again, what it says next waits, and the order stays.
type speaker struct {
	unanswered *backpressure.Sum // of the actor, who alone has it
	room       string
}

// reading is what the readers of a hub share.
type reading struct {
	pool *backpressure.Pool[access.Person] // fixed
	rate access.KeyLimiter[access.Person]
}

// maxReading bounds the bytes of the pages that are read for all clients at a time.
const maxReading = 32 << 20
