package wsconn

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// Engine runs connections. Its methods may be called concurrently.
type Engine struct {
	shared

	// Fixed.
	start   time.Time
	sockets *sockets
	stop    chan struct{}

	lastTick time.Duration // since start; owned by run

	mu     sync.Mutex // guards the rest; a leaf, taken with a Conn's mutex held
	closed bool
	conns  []*Conn            // each knows its index
	timed  map[*Conn]struct{} // those whose peers have a time limit
	empty  chan struct{}      // closed when closed and no connection is left
}

// NewEngine starts an engine. The caller must Close it.
func NewEngine(cfg Config) *Engine {
	e := &Engine{
		start: time.Now(),
		stop:  make(chan struct{}),
		timed: map[*Conn]struct{}{},
		empty: make(chan struct{}),
	}
	e.cfg = cfg.withDefaults()
	e.registry = e
	e.outboxes.least, e.unfinished.least = leastOutbox, leastUnfinished
	e.sockets = newSockets(e.spawn)
	e.clock.Store(1)
	e.Tune(cfg)
	e.spawn(e.run)
	return e
}

// Tune changes MaxMessage, PingInterval, OutboxLimit and OutboxTotal, for existing
// connections too.
func (e *Engine) Tune(cfg Config) { e.tuning.Store(cfg.withDefaults().tuning()) }

// Attach makes a connection of a socket on which the handshake is done. The
// socket belongs to the engine from here on, also when Attach fails. compressed
// says that permessage-deflate was negotiated. Nothing is read before Conn.Start.
func (e *Engine) Attach(nc net.Conn, compressed bool, h Handler) (*Conn, error) {
	sock, err := e.sockets.open(nc)
	if err != nil {
		return nil, err
	}
	return e.register(sock, compressed, h)
}

// register makes a connection of sock, or closes it.
func (e *Engine) register(sock socket, compressed bool, h Handler) (*Conn, error) {
	c := &Conn{shared: &e.shared, handler: h, sock: sock, deflate: compressed}
	c.lastPing = e.now() // nothing has to be pinged before an interval is over
	c.reading = true     // until Start
	e.mu.Lock()
	closed := e.closed
	if !closed {
		c.index = int32(len(e.conns))
		e.conns = append(e.conns, c)
	}
	e.mu.Unlock()
	if closed {
		sock.close()
		return nil, ErrEngineClosed
	}
	return c, nil
}

// remove implements registry.
func (e *Engine) remove(c *Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	last := len(e.conns) - 1
	e.conns[c.index] = e.conns[last]
	e.conns[c.index].index = c.index
	e.conns[last] = nil
	e.conns = e.conns[:last]
	delete(e.timed, c)
	if e.closed && len(e.conns) == 0 {
		close(e.empty)
	}
}

// addTimer implements registry.
func (e *Engine) addTimer(c *Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.timed[c] = struct{}{}
}

// removeTimer implements registry.
func (e *Engine) removeTimer(c *Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.timed, c)
}

// Len returns the number of connections.
func (e *Engine) Len() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.conns)
}

// Queued returns how many bytes wait for all peers.
func (e *Engine) Queued() int64 { return e.outboxes.total.Load() }

// Parked returns how many connections wait without a goroutine.
func (e *Engine) Parked() int { return max(0, e.Len()-int(e.readers.Load())) }

// Close kills the connections that are left, waits until every Handler has been
// told and every goroutine has ended. To end connections with a close frame, Close
// the Conns first. When ctx ends sooner, Close returns its error and the rest ends
// by itself. Calls after the first return nil at once.
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
	ended := make(chan error, 1)
	go func() { // the last one of the engine; where ctx ends first, nobody waits for it
		<-e.empty
		close(e.stop)
		err := e.sockets.close()
		e.wg.Wait()
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sweepsPerPing is how often within a ping interval every connection is looked
// at: the precision of heartbeats, at some 50 ns for each connection and sweep.
const sweepsPerPing = 10

// run is the engine's only timer: it moves the clock, cuts off peers that have
// exceeded their time limit and pings those that are silent.
func (e *Engine) run() {
	ticker := time.NewTicker(e.tickInterval())
	defer ticker.Stop()
	next := e.nextSweep(0)
	for {
		select {
		case <-e.stop:
			return
		case <-ticker.C:
		}
		now := e.advance(time.Since(e.start))
		e.checkTimers(now)
		if now >= next {
			e.sweep(now)
			next = e.nextSweep(now)
			ticker.Reset(e.tickInterval())
		}
	}
}

// longestTick is the longest time between two ticks of an engine that gets to run.
const longestTick = 250 * time.Millisecond

func (e *Engine) tickInterval() time.Duration {
	return min(longestTick, e.tuning.Load().pingInterval/sweepsPerPing)
}

// advance moves the clock to sinceStart, as far as the engine has been running. After
// a tick that comes much later, the process was stopped or the machine was suspended
// or overloaded. The peers could not be pinged or written to meanwhile, so that time
// does not count against them.
func (e *Engine) advance(sinceStart time.Duration) int64 {
	elapsed := min(sinceStart-e.lastTick, 2*longestTick)
	e.lastTick = sinceStart
	return e.clock.Add(int64(elapsed))
}

func (e *Engine) nextSweep(now int64) int64 {
	return now + int64(e.tuning.Load().pingInterval)/sweepsPerPing
}

func (e *Engine) checkTimers(now int64) {
	e.mu.Lock()
	list := slices.Collect(maps.Keys(e.timed))
	e.mu.Unlock()
	for _, c := range list {
		c.checkTimer(now)
	}
}

// sweep gives every connection its heartbeat.
func (e *Engine) sweep(now int64) {
	e.mu.Lock()
	list := slices.Clone(e.conns)
	e.mu.Unlock()
	pingInterval := int64(e.tuning.Load().pingInterval)
	for _, c := range list {
		c.heartbeat(now, pingInterval)
	}
}
