package wsconn

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

// Config is what an Engine's connections have in common. Zero fields mean the
// defaults.
type Config struct {
	// MaxMessage bounds a message from a client, in bytes, over all its
	// fragments and after decompression. Default 64 KiB.
	MaxMessage int

	// PingInterval is how long a peer may be silent before it is sent a ping.
	// One that stays silent for as long again is given up. Default 25 s.
	PingInterval time.Duration

	// OutboxLimit bounds the bytes waiting for one peer. Default 256 KiB.
	OutboxLimit int

	// OutboxTotal bounds the bytes waiting for all peers together: while it is
	// exceeded, nothing more is queued for a peer that is behind. Default 256
	// MiB.
	OutboxTotal int

	// WriteTimeout is how long a peer may go without reading anything of what
	// waits for it before it is cut off. Default 10 s.
	WriteTimeout time.Duration

	// CloseTimeout is how long a peer may take to read what waits and to answer
	// a close frame. Default 3 s.
	CloseTimeout time.Duration

	// NoPoll has every connection read by a goroutine of its own, as on systems
	// without epoll. For tests.
	NoPoll bool

	// OnPanic is told of a panic in a Handler, which ends that connection only.
	// Default: ignored.
	OnPanic func(value any, stack []byte)
}

func (c Config) withDefaults() Config {
	if c.MaxMessage <= 0 {
		c.MaxMessage = 64 << 10
	}
	if c.PingInterval <= 0 {
		c.PingInterval = 25 * time.Second
	}
	if c.OutboxLimit <= 0 {
		c.OutboxLimit = 256 << 10
	}
	if c.OutboxTotal <= 0 {
		c.OutboxTotal = 256 << 20
	}
	if c.WriteTimeout <= 0 {
		c.WriteTimeout = 10 * time.Second
	}
	if c.CloseTimeout <= 0 {
		c.CloseTimeout = 3 * time.Second
	}
	if c.OnPanic == nil {
		c.OnPanic = func(any, []byte) {}
	}
	return c
}

// ErrEngineClosed is returned by Attach and Serve after Close.
var ErrEngineClosed = errors.New("engine is closed")

// errSilent ends a connection that has said nothing for two ping intervals.
var errSilent = errors.New("peer fell silent")

// errTardy ends a connection whose message did not become whole in time.
var errTardy = &CloseError{Code: ws.StatusPolicyViolation, Reason: "message took too long"}

// Engine runs connections. Its methods may be called concurrently.
type Engine struct {
	start  time.Time
	cfg    Config // fixed parts: the timeouts other than the ping interval, and OnPanic
	clock  atomic.Int64
	tuning atomic.Pointer[tuning]
	poll   *poller      // nil with NoPoll
	queued atomic.Int64 // bytes that wait for all peers

	readers atomic.Int64 // goroutines that read

	stop chan struct{}
	wg   sync.WaitGroup // every goroutine of the engine and its connections

	mu      sync.Mutex // guards the rest; a leaf, taken with a Conn's mutex held
	closed  bool
	conns   []*Conn            // each knows its place
	watched map[*Conn]struct{} // those whose peers owe something
	empty   chan struct{}      // closed when closed and no connection is left
}

// tuning is what may change while connections live.
type tuning struct {
	maxMessage, outboxLimit int
	outboxTotal             int64
	pingInterval            time.Duration
}

// NewEngine starts an engine. The caller must Close it.
func NewEngine(cfg Config) (*Engine, error) {
	e := &Engine{
		start:   time.Now(),
		cfg:     cfg.withDefaults(),
		stop:    make(chan struct{}),
		watched: map[*Conn]struct{}{},
		empty:   make(chan struct{}),
	}
	e.clock.Store(1)
	e.Tune(cfg)
	if !cfg.NoPoll {
		p, err := newPoller()
		if err != nil {
			return nil, err
		}
		e.poll = p
		e.spawn(p.run)
	}
	e.spawn(e.beat)
	return e, nil
}

// Tune changes MaxMessage, PingInterval, OutboxLimit and OutboxTotal, for existing
// connections too.
func (e *Engine) Tune(cfg Config) {
	cfg = cfg.withDefaults()
	e.tuning.Store(&tuning{cfg.MaxMessage, cfg.OutboxLimit, int64(cfg.OutboxTotal), cfg.PingInterval})
}

func (e *Engine) maxMessage() int { return e.tuning.Load().maxMessage }

// roomFor reports whether n more bytes may wait for a peer for which queued
// bytes wait.
func (e *Engine) roomFor(queued, n int) bool {
	t := e.tuning.Load()
	return queued+n <= t.outboxLimit && e.queued.Load()+int64(n) <= t.outboxTotal
}

// now is the engine's time in nanoseconds since its start, never 0, as coarse
// as its beat: reading it costs no system call.
func (e *Engine) now() int64 { return e.clock.Load() }

func (e *Engine) spawn(f func()) {
	e.wg.Go(f)
}

// Attach makes a connection of a socket on which the handshake is done and
// which belongs to the engine from here on, whatever Attach returns. compressed
// says that permessage-deflate was negotiated. Nothing is read before Conn.Start.
func (e *Engine) Attach(nc net.Conn, compressed bool, h Handler) (*Conn, error) {
	sock, err := e.newSocket(nc)
	if err != nil {
		return nil, err
	}
	return e.register(&Conn{engine: e, handler: h, sock: sock, extended: compressed})
}

// register takes c in, or closes its socket.
func (e *Engine) register(c *Conn) (*Conn, error) {
	c.heard.Store(e.now())
	c.reading = true // until Start
	e.mu.Lock()
	closed := e.closed
	if !closed {
		c.place = int32(len(e.conns))
		e.conns = append(e.conns, c)
	}
	e.mu.Unlock()
	if closed {
		c.sock.close()
		return nil, ErrEngineClosed
	}
	return c, nil
}

// remove forgets a connection whose socket has been closed.
func (e *Engine) remove(c *Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	last := len(e.conns) - 1
	e.conns[c.place] = e.conns[last]
	e.conns[c.place].place = c.place
	e.conns[last] = nil
	e.conns = e.conns[:last]
	delete(e.watched, c)
	if e.closed && len(e.conns) == 0 {
		close(e.empty)
	}
}

func (e *Engine) watch(c *Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.watched[c] = struct{}{}
}

func (e *Engine) unwatch(c *Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.watched, c)
}

// Len returns the number of connections.
func (e *Engine) Len() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.conns)
}

// Queued returns how many bytes wait for all peers.
func (e *Engine) Queued() int64 { return e.queued.Load() }

// Parked returns how many connections wait without a goroutine.
func (e *Engine) Parked() int { return max(0, e.Len()-int(e.readers.Load())) }

// Close kills the connections that are left, waits until every Handler has been
// told and every goroutine has ended. To part in words, Close the Conns first.
// When ctx ends sooner, Close returns its error and the rest ends by itself.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	if len(e.conns) == 0 {
		close(e.empty)
	}
	left := slices.Clone(e.conns)
	e.mu.Unlock()

	for _, c := range left {
		c.Kill(ErrEngineClosed)
	}
	select {
	case <-e.empty:
	case <-ctx.Done():
		return ctx.Err()
	}
	close(e.stop)
	var err error
	if e.poll != nil {
		err = e.poll.close()
	}
	e.wg.Wait()
	return err
}
