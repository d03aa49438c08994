package chat

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/chat/wsconn"
)

// Settings of a hub. All of them may change while it runs, for existing
// connections too. Zero fields mean the defaults.
type Settings struct {
	// MaxMessage bounds a message from a client, in bytes, over all its
	// fragments. Default 64 KiB.
	MaxMessage int
	// MaxConnections bounds the connections of the hub. Default 50,000.
	MaxConnections int
	// MaxConnectionsPerIP bounds those from one address; an IPv6 client counts
	// by its /64. Default 100.
	MaxConnectionsPerIP int
	// PingInterval is how long a client may be silent before it is sent a ping;
	// after twice that it is given up. Default 25 s.
	PingInterval time.Duration
	// OutboxLimit bounds the bytes that wait for one client that reads slowly;
	// past it the client is cut off. Default 512 KiB, and no less than eight
	// times MaxMessage, since a text may be six times as long in JSON.
	OutboxLimit int
	// MaxText bounds the text of a message of chat.v1, in characters: that of a
	// body which is a string, or of its member "text". Default 2500, which is as
	// much as WeChat's content check takes at once.
	MaxText int
	// MaxPage bounds the entries of one answer of chat.v1. Default 100.
	MaxPage int
	// MaxRooms bounds the rooms that one session of chat.v1 is in. Default 100.
	MaxRooms int
	// MaxSessions bounds the sessions of chat.v1 that one user has, on all
	// devices. Default 20.
	MaxSessions int
	// MaxGreeting bounds the connections that have not said hello yet. Default
	// 1000.
	MaxGreeting int
	// MaxOpenRooms bounds the rooms that somebody is in. Default 100,000.
	MaxOpenRooms int
	// MaxOutboxes bounds the bytes that wait for all clients together; past it
	// those that are behind are cut off. Default 256 MiB.
	MaxOutboxes int
	// SessionRate and SessionBytes bound the frames and the bytes that one
	// session sends, UserRate and UserBytes what all sessions of a user send.
	// Clients of chat.v1 are told to wait; raw clients are read more slowly.
	// Default 20 frames a second, 100 at once, and 128 KiB, 1 MiB at once; twice
	// that for a user.
	SessionRate, SessionBytes, UserRate, UserBytes Rate
	// ConnectRate bounds how often one address connects. Default 10 a second,
	// 100 at once.
	ConnectRate Rate
	// RecallWindow is how long an author may take a message back. Default 2
	// minutes.
	RecallWindow time.Duration
	// HelloTimeout is how long a client of chat.v1 may take to say hello.
	// Default 10 s.
	HelloTimeout time.Duration
	// AwayDelay is how long a user whose connection was lost still counts as
	// present; below zero for not at all. Default 30 s.
	AwayDelay time.Duration
	// Policies say who may do what in which room. Validate them first. Default:
	// every room is open to everybody.
	Policies Policies
	// Compression lets clients that offer it have their messages compressed
	// (permessage-deflate, each message by itself). It saves bandwidth and costs
	// CPU; messages below 256 bytes are left alone. Default off.
	Compression bool
}

func (s Settings) withDefaults() Settings {
	orDefault(&s.MaxMessage, 64<<10)
	orDefault(&s.MaxConnections, 50_000)
	orDefault(&s.MaxConnectionsPerIP, 100)
	orDefault(&s.PingInterval, 25*time.Second)
	orDefault(&s.OutboxLimit, 512<<10)
	s.OutboxLimit = max(s.OutboxLimit, 8*s.MaxMessage)
	orDefault(&s.MaxText, 2500)
	orDefault(&s.MaxPage, 100)
	orDefault(&s.MaxRooms, 100)
	orDefault(&s.MaxSessions, 20)
	orDefault(&s.MaxGreeting, 1000)
	orDefault(&s.MaxOpenRooms, 100_000)
	orDefault(&s.MaxOutboxes, 256<<20)
	s.SessionRate.orDefault(20, 100)
	s.SessionBytes.orDefault(128<<10, 1<<20)
	s.UserRate.orDefault(2*s.SessionRate.PerSecond, 2*s.SessionRate.Burst)
	s.UserBytes.orDefault(2*s.SessionBytes.PerSecond, 2*s.SessionBytes.Burst)
	s.ConnectRate.orDefault(10, 100)
	orDefault(&s.RecallWindow, 2*time.Minute)
	orDefault(&s.HelloTimeout, 10*time.Second)
	if s.AwayDelay == 0 {
		s.AwayDelay = 30 * time.Second
	}
	return s
}

func orDefault[N int | time.Duration](n *N, value N) {
	if *n <= 0 {
		*n = value
	}
}

// Config is what a Hub is made of.
type Config struct {
	Settings

	// Journal records the rooms. The hub closes it. Required.
	Journal Journal

	// Logger may be nil, for silence. No message body reaches it.
	Logger *zap.Logger
}

// Hub holds rooms and the sessions in them. Its methods may be called
// concurrently.
type Hub struct {
	// Fixed.
	journal Journal
	log     *zap.Logger
	engine  *wsconn.Engine
	began   time.Time

	current   atomic.Pointer[Settings]
	workers   sync.WaitGroup  // the rooms, and their workers
	context   context.Context // ends when the sessions have gone
	cancel    context.CancelFunc
	marks     *marks
	sanctions *sanctions
	counts    counters
	attempts  attempts
	paces     paces

	mu         sync.Mutex // guards the rest; above every room's
	closed     bool
	rooms      map[string]*room
	sessions   map[string]*Session     // by id
	users      map[string]*presentUser // by id
	greeting   int                     // sessions of chat.v1 that have not said hello
	byAddr     map[netip.Addr]int      // connections, admitted or about to be
	admitted   int
	retirement retirement
	origins    originReview  // the last one
	empty      chan struct{} // closed by emptied: closed, and nobody is admitted
	emptied    func()
}

// NewHub starts a hub. The caller must Close it.
func NewHub(cfg Config) (*Hub, error) {
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	h := &Hub{
		journal:  cfg.Journal,
		log:      cfg.Logger,
		began:    time.Now(),
		rooms:    map[string]*room{},
		sessions: map[string]*Session{},
		users:    map[string]*presentUser{},
		marks:    newMarks(cfg.Journal.Records()),
		byAddr:   map[netip.Addr]int{},
		empty:    make(chan struct{}),
	}
	h.context, h.cancel = context.WithCancel(context.Background())
	h.emptied = sync.OnceFunc(func() { close(h.empty) })
	s := cfg.withDefaults()
	h.current.Store(&s)
	ec := engineConfig(s)
	ec.OnPanic = h.panicked
	var err error
	if h.sanctions, err = loadSanctions(h.context, cfg.Journal.Records()); err != nil {
		h.cancel()
		return nil, err
	}
	h.engine = wsconn.NewEngine(ec)
	return h, nil
}

func engineConfig(s Settings) wsconn.Config {
	return wsconn.Config{MaxMessage: s.MaxMessage, PingInterval: s.PingInterval, OutboxLimit: s.OutboxLimit, OutboxTotal: s.MaxOutboxes}
}

func (h *Hub) panicked(value any, stack []byte) {
	h.log.Error("connection ended by a panic", zap.Any("panic", value), zap.ByteString("stack", stack))
}

func (h *Hub) settings() *Settings { return h.current.Load() }

// Settings returns those in force, the defaults filled in.
func (h *Hub) Settings() Settings { return *h.settings() }

// Configure changes the settings.
func (h *Hub) Configure(s Settings) {
	s = s.withDefaults()
	h.current.Store(&s)
	h.engine.Tune(engineConfig(s))
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.rooms {
		r.do(func() { r.review(slices.Clone(r.members)...) })
	}
}

// acquire returns the room of that name, made if need be. It must be released.
// maxMembers bounds the sessions in it, 0 for no bound.
func (h *Hub) acquire(name string, maxMembers int) (*room, error) {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, ErrHubClosed
	}
	r := h.rooms[name]
	if r == nil {
		if len(h.rooms) >= h.settings().MaxOpenRooms {
			h.mu.Unlock()
			return nil, wire.Unavailable.Error("")
		}
		r = newRoom(h, name)
		h.rooms[r.name] = r
		h.workers.Add(1) // while it follows, the journal may start its worker
	}
	if maxMembers > 0 && r.refs >= maxMembers {
		h.mu.Unlock()
		return nil, wire.RoomFull.Error("")
	}
	r.refs++
	h.mu.Unlock()
	if err := r.open(); err != nil {
		h.release(r)
		return nil, fmt.Errorf("follow room: %w", err)
	}
	return r, nil
}

// release gives a room back; the last one to do so ends it.
func (h *Hub) release(r *room) {
	h.mu.Lock()
	r.refs--
	last := r.refs == 0
	if last {
		delete(h.rooms, r.name)
	}
	h.mu.Unlock()
	if !last {
		return
	}
	if r.stop != nil {
		r.stop()
	}
	h.workers.Done()
}

func newID() string { return rand.Text() }
