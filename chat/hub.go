package chat

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/chat/wsconn"
)

// Config is what a Hub is made of.
type Config struct {
	Settings

	// Journal records the rooms. Required. Close closes it. If NewHub returns an
	// error, the journal is still the caller's.
	//
	// If it is also one of these, the hub uses it: a journal.Restorer for Import; a
	// journal.Lister for Export; a journal.Reporter for Stats, Health and Warnings;
	// and a journal.Maintainer for Backup and Compact. A type that embeds a
	// journal.Journal hides them.
	Journal journal.Journal

	// Logger may be nil, for silence. No message body reaches it.
	Logger *zap.Logger
}

// Hub holds rooms and the sessions in them. Its methods may be called
// concurrently.
type Hub struct {
	base
	registry

	// Fixed. Each may be used by any goroutine.
	journal journal.Journal
	rooms   *room.Rooms
	engine  *wsconn.Engine
	cancel  context.CancelFunc // of context
	workers sync.WaitGroup     // the goroutine of Retire

	saidLost acts.Seldom

	retiring retirement
}

// NewHub starts a hub. The caller must Close it. It reads the mutes and bans from
// the journal, and returns an error if it cannot.
func NewHub(cfg Config) (*Hub, error) {
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	set := cfg.Settings.withDefaults()
	h := &Hub{registry: newRegistry()}
	h.journal, h.log = cfg.Journal, cfg.Logger
	h.context, h.cancel = context.WithCancel(context.Background())
	h.current.Store(&set)
	h.rooms = room.NewRooms(room.Config{
		Settings: set.forRooms(),
		Journal:  cfg.Journal,
		OnPanic:  h.logPanic,
		OnLost:   h.logLost,
	})
	var err error
	h.core, err = acts.New(acts.Config{
		Settings: set.forActs(), Journal: cfg.Journal, Log: cfg.Logger, Rooms: h.rooms, Context: h.context, SessionsOf: h.sessionsOf,
	})
	if err != nil {
		h.cancel()
		return nil, err
	}
	ec := set.forEngine()
	ec.OnPanic = h.logPanic
	h.engine = wsconn.NewEngine(ec)
	return h, nil
}

func (h *Hub) logPanic(value any, stack []byte) {
	h.log.Error("connection ended by a panic", zap.Any("panic", value), zap.ByteString("stack", stack))
}

// logLost says that the journal has ended the following of a room, but not for each
// room: it may be about all of them.
func (h *Hub) logLost(name string, l journal.Lost) {
	if h.saidLost.Allow(h.core.Now(), time.Minute) {
		h.log.Warn("the journal has lost what it followed: the clients of the room come back", zap.String("room", name),
			zap.String("epoch", l.Epoch), zap.Error(l.Why))
	}
}

// Settings returns those in force, with the defaults filled in.
func (h *Hub) Settings() Settings { return *h.settings() }

// Configure changes the settings. Fields that are zero get their defaults, so to
// change one setting, change it in what Settings returned. Sessions that may no
// longer read a room leave it.
func (h *Hub) Configure(s Settings) {
	s = s.withDefaults()
	h.current.Store(&s)
	h.core.Configure(s.forActs())
	h.engine.Tune(s.forEngine())
	h.rooms.Configure(s.forRooms())
}

// ReviewOrigins ends the sessions of web pages that none of these origins lets
// connect. Call it after a change of origins, with those of all handlers of the
// hub.
func (h *Hub) ReviewOrigins(of ...access.Origins) {
	for _, s := range h.reviewOrigins(of) {
		s.Close(wire.Forbidden)
	}
}

// Leave refuses new clients and says goodbye to all others, without waiting for
// them. It may be called more than once.
func (h *Hub) Leave() {
	h.registry.close()
	h.rooms.Close()
	left := h.all(func(*session) bool { return true })
	for _, s := range left {
		b := wire.Shutdown.Bye()
		b.Retry += rand.N(returnTime(len(left)))
		s.CloseWith(b)
	}
}

// returnTime is the time over which so many clients should come back: a thousand
// a second, so that the next server is not overloaded.
func returnTime(clients int) time.Duration {
	return max(time.Second, time.Duration(clients)*time.Millisecond)
}

// goodbyeTime is how long clients have to answer a goodbye.
const goodbyeTime = 2 * time.Second

// Once the clients have gone, what waits for the journal has so long to end, and the
// journal so long to close: half a second longer than it promises.
const (
	releaseTime      = time.Second
	journalCloseTime = 5500 * time.Millisecond
)

// ErrHubClosed is returned to those who come after Close or Leave.
var ErrHubClosed = room.ErrClosed

// ErrJournalHangs is wrapped by the error of a Close that could not wait for the journal.
var ErrJournalHangs = errors.New("the journal does not answer: it was left behind")

// Close says goodbye to every client and waits until they have gone: at most 2
// seconds, or until ctx ends. Then it cuts off those that are left and closes the
// journal. If the journal hangs, Close leaves it behind 8.5 seconds later, with what
// waits for it.
func (h *Hub) Close(ctx context.Context) error {
	h.Leave()
	timer := time.NewTimer(goodbyeTime)
	defer timer.Stop()
	select {
	case <-h.empty:
	case <-timer.C:
	case <-ctx.Done():
	}
	marked := inBackground(h.core.Close)
	endsWithin(marked, releaseTime)
	h.cancel()
	var fromEngine, fromJournal error
	released := inBackground(func() {
		<-marked
		fromEngine = h.engine.Close(context.WithoutCancel(ctx))
		// Clients on their way in have found the engine closed. Once the last slot is
		// free, no room begins any more.
		<-h.empty
		h.rooms.Wait()
		h.workers.Wait()
	})
	endsWithin(released, releaseTime) // if not, the journal's Close may answer those who wait
	closed := inBackground(func() { fromJournal = h.journal.Close() })
	if !endsWithin(closed, journalCloseTime) || !endsWithin(released, releaseTime) {
		return ErrJournalHangs
	}
	return errors.Join(fromEngine, fromJournal)
}

// inBackground calls f and closes done when it returns.
func inBackground(f func()) (done <-chan struct{}) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
	}()
	return ended
}

func endsWithin(done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// retirement is which sessions are to end, and until when. registry.mu guards it.
type retirement struct {
	before, until time.Time
	running       bool // its goroutine
}

// Retire asks the clients of sessions that began before a time to come back, one
// by one, at random moments within the duration over. A session over TLS, HTTP/2
// or HTTP/3 keeps in memory what it began with, such as the whole configuration of
// a web server. Other sessions keep nothing, and stay. A later call replaces this
// one.
func (h *Hub) Retire(before time.Time, over time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.retiring.before, h.retiring.until = before, time.Now().Add(over)
	if !h.retiring.running {
		h.retiring.running = true
		h.workers.Go(h.retire)
	}
}

// retireInterval is how often some sessions of a retirement end.
const retireInterval = 10 * time.Second

// retire ends sessions, a few at a time, until none is left.
func (h *Hub) retire() {
	for {
		old, rest := h.toRetire()
		if len(old) == 0 {
			return
		}
		select {
		case <-h.context.Done():
			return
		case <-time.After(retireInterval/2 + rand.N(retireInterval)):
		}
		share := min(1, float64(retireInterval)/float64(max(rest, 1)))
		n := share * float64(len(old))
		if rand.Float64() < n-math.Floor(n) {
			n++
		}
		for _, s := range old[:int(n)] {
			b := wire.Shutdown.Bye()
			b.Message = "please connect again"
			b.Retry = rand.N(time.Second)
			s.CloseWith(b)
		}
	}
}

// toRetire returns the sessions that are to end, in no order, and how much time is
// left for that. If there are none, the retirement is over.
func (h *Hub) toRetire() (old []*session, rest time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old = h.allLocked(func(s *session) bool { return s.pinsConfig && s.began.Before(h.retiring.before) })
	h.retiring.running = len(old) > 0
	return old, time.Until(h.retiring.until)
}
