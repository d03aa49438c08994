package chat

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/command"
	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/feed"
	"github.com/caddychat/caddy-chat/chat/internal/missed"
	"github.com/caddychat/caddy-chat/chat/internal/online"
	"github.com/caddychat/caddy-chat/chat/internal/roll"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/webhook"
	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/chat/wsconn"
	"github.com/caddychat/caddy-chat/internal/foreign"
)

// Config is what a Hub is made of.
type Config struct {
	Settings

	// Journal records the rooms. Required. Close closes it. If NewHub returns an
	// error, the journal is still the caller's.
	//
	// If it is also one of these, the hub uses it: a journal.Restorer for Import; a
	// journal.Lister for Export and EraseUser; a journal.Redactor, so that EraseUser takes a name
	// out of entries; a journal.Reporter for Stats, Health and Warnings;
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
	given   journal.Journal // as Config.Journal is
	journal journal.Journal // the same, but nothing of it panics
	rooms   *room.Rooms
	others  *command.Commands // to other nodes
	roll    *roll.Roll        // who is at them
	engine  *wsconn.Engine
	events  *events.Events
	missed  *missed.Missed
	feed    *feed.Feed
	hooks   *webhook.Sender
	cancel  context.CancelFunc // of context
	leaving context.Context    // ends with Leave
	leave   context.CancelFunc
	left    atomic.Pointer[time.Time] // when Leave was called first

	saidLost, saidPort timing.Seldom

	retiring retirement
}

// NewHub starts a hub. The caller must Close it. It reads the mutes and bans from
// the journal, and returns an error if it cannot within eleven seconds.
func NewHub(cfg Config) (*Hub, error) {
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	set := cfg.Settings.withDefaults()
	h := &Hub{registry: newRegistry()}
	h.given, h.log, h.ended = cfg.Journal, cfg.Logger, h.unregister
	h.journal = foreign.Contain(cfg.Journal, h.logPanic)
	h.context, h.cancel = context.WithCancel(context.Background())
	h.leaving, h.leave = context.WithCancel(h.context)
	h.current.Store(&set)
	clock := timing.New(h.context)
	h.events = events.New(h.journal, h.log, clock)
	if err := h.begin(&set, clock); err != nil {
		h.cancel()
		return nil, err
	}
	h.online = online.New(online.Config{
		Journal: h.journal, Events: h.events, Log: h.log, Users: h.eachUser, Away: func() time.Duration { return h.settings().AwayDelay },
	})
	ec := set.forEngine()
	ec.OnPanic = h.logPanic
	h.engine = wsconn.NewEngine(ec)
	h.feed = feed.New(h.journal)
	h.missed = missed.New(missed.Config{
		Journal: h.journal, Feed: h.feed, Events: h.events, Online: h.online, Log: h.log, IsConversation: h.isConversation, Banned: h.core.Banned,
	})
	h.configureEvents(&set)
	h.hooks = webhook.NewSender(h.journal, h.feed, h.log)
	h.hooks.Configure(set.Webhooks)
	h.roll.Begin(h.rooms)
	h.others.Share(h.roll.Heard, h.roll.Nodes)
	h.others.Reach(h.reaches)
	h.others.Describe(set.hash())
	h.others.Begin()
	h.arrivals.Begin()
	return h, nil
}

// startTimeout is how long a journal may take to begin: one second longer than each of
// its calls may that have a bound of their own.
const startTimeout = 11 * time.Second

// begin makes what asks the journal when it begins. A journal that does not answer is
// left behind.
func (h *Hub) begin(set *Settings, clock *timing.Clock) error {
	ctx, cancel := context.WithTimeout(h.context, startTimeout)
	defer cancel()
	type parts struct {
		rooms    *room.Rooms
		core     *acts.Core
		others   *command.Commands
		arrivals *command.Arrivals
		roll     *roll.Roll
	}
	begun, err := foreign.Call(ctx, func() (p parts, err error) {
		set.Checks.Use(h.journal.Records())
		here := &here{registry: &h.registry, node: h.journal.Nodes().Self().ID}
		p.others = command.New(h.journal, h.log, here.obey)
		p.arrivals = command.NewArrivals(p.others, here.counted)
		p.roll = roll.New(p.others.Tell, h.log)
		p.rooms = room.NewRooms(room.Config{Settings: set.forRooms(), Journal: h.journal, Roll: p.roll, OnPanic: h.logPanic, OnLost: h.logLost})
		here.rooms, here.others = p.rooms, p.others
		p.core, err = acts.New(acts.Config{
			Settings: set.forActs(), Journal: h.journal, Log: h.log, Rooms: p.rooms, Context: h.context, Sessions: listed{&h.registry}, Lister: h.lister(),
			Bounded: h.bounded(),
			Events:  h.events, Clock: clock, Commands: p.others,
		})
		here.core = p.core
		return p, err
	}, func(late parts, err error) {
		if err == nil {
			late.core.Close()
		}
	})
	if err != nil {
		return fmt.Errorf("begin with the journal: %w", err)
	}
	h.rooms, h.core, h.others, h.arrivals, h.roll = begun.rooms, begun.core, begun.others, begun.arrivals, begun.roll
	return nil
}

// bounded returns the journal if it bounds its records, or nil.
func (h *Hub) bounded() journal.Bounded {
	bounded, _ := h.given.(journal.Bounded)
	return bounded
}

// lister returns the journal if it can list its rooms, or nil.
func (h *Hub) lister() journal.Lister {
	lister, _ := h.given.(journal.Lister)
	return lister
}

// logLost says that the journal has ended the following of a room, but not for each
// room: it may be about all of them.
func (h *Hub) logLost(name string, l journal.Lost) {
	if h.saidLost.Allow(h.core.Now(), time.Minute) {
		h.log.Warn("the journal has lost what it followed: the clients of the room come back", zap.String("room", name),
			zap.String("epoch", l.Epoch), zap.Error(l.Why))
	}
}

// warnOfPort says why a page is refused, but not for each.
func (h *Hub) warnOfPort() {
	if h.saidPort.Allow(h.core.Now(), time.Minute) {
		h.log.Warn("a page of the site itself is refused because the header Host has no port: " +
			"let the proxy in front pass it on, nginx for example with proxy_set_header Host $http_host")
	}
}

// Settings returns those in force, with the defaults filled in. Its slices are those that
// the hub reads: who changes an element changes it in a copy.
func (h *Hub) Settings() Settings { return *h.settings() }

// Configure changes the settings. Fields that are zero get their defaults, so to
// change one setting, change it in what Settings returned. Sessions that may no
// longer read a room leave it.
func (h *Hub) Configure(s Settings) {
	s = s.withDefaults()
	s.Checks.Succeed(h.settings().Checks)
	s.Checks.Use(h.journal.Records())
	h.current.Store(&s)
	h.configureEvents(&s)
	h.others.Describe(s.hash())
	h.core.Configure(s.forActs())
	h.engine.Tune(s.forEngine())
	h.rooms.Configure(s.forRooms())
	h.hooks.Configure(s.Webhooks)
}

// configureEvents says which events somebody asks for.
func (h *Hub) configureEvents(s *Settings) {
	wanted := s.wantedEvents()
	h.events.Configure(wanted)
	h.online.Configure(slices.ContainsFunc(wanted, func(name string) bool {
		return name == events.Online || name == events.Offline || name == events.Missed
	}))
	h.missed.Configure(slices.Contains(wanted, events.Missed))
}

// isConversation reports whether a room has members.
func (h *Hub) isConversation(room string) bool {
	return !journal.IsReserved(room) && h.settings().Policies.Conversation(room) != nil
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
	now := time.Now()
	h.left.CompareAndSwap(nil, &now)
	h.core.Slots.Close()
	h.leave()
	h.rooms.Close()
	h.feed.Leave()
	h.sayGoodbye()
}

// Left returns when Leave, or Close, was called first. It is zero if none was.
func (h *Hub) Left() (at time.Time) {
	if left := h.left.Load(); left != nil {
		at = *left
	}
	return at
}

// sayGoodbye asks all clients to come back, over some time.
func (h *Hub) sayGoodbye() {
	left := h.all(func(*session) bool { return true })
	for _, s := range left {
		b := wire.Shutdown.Bye()
		b.Retry += rand.N(returnTime(len(left)))
		s.CloseWith(b)
	}
}

// reaches is told whether this node reaches the store that it shares with others. While it does not, they take it for
// dead: so its clients had better be with them.
func (h *Hub) reaches(reaches bool) {
	switch was := h.cutOff.Swap(!reaches); {
	case was && reaches:
		h.log.Info("the database answers again: clients are let in")
	case !was && !reaches:
		h.log.Error("the database did not answer for 10 seconds: all clients are told to come back, perhaps to another node")
		h.sayGoodbye()
	}
}

// returnTime is the time over which so many clients should come back: a thousand
// a second, so that the next server is not overloaded.
func returnTime(clients int) time.Duration {
	return max(time.Second, time.Duration(clients)*time.Millisecond)
}

// ErrHubClosed is returned to those who come after Close or Leave.
var ErrHubClosed = room.ErrClosed

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
	if h.core.Slots.IsClosed() { // looked at with the mutex, which Leave takes afterwards
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
