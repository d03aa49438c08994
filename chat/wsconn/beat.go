package wsconn

import (
	"maps"
	"slices"
	"time"

	"github.com/gobwas/ws"
)

// pingFrame is the one ping that everybody gets.
var pingFrame = AppendFrame(nil, ws.OpPing, false, nil)

// sweepsPerPing is how often within a ping interval every connection is looked
// at: the precision of heartbeats, at some 50 ns a connection and sweep.
const sweepsPerPing = 10

// beat is the engine's only timer: it moves the clock, cuts off peers that let
// us wait and pings those that are silent.
func (e *Engine) beat() {
	ticker := time.NewTicker(e.beatInterval())
	defer ticker.Stop()
	next := e.nextSweep(0)
	for {
		select {
		case <-e.stop:
			return
		case <-ticker.C:
		}
		now := e.tick()
		e.checkWatched(now)
		if now >= next {
			e.sweep(now)
			next = e.nextSweep(now)
			ticker.Reset(e.beatInterval())
		}
	}
}

// tick moves the clock.
func (e *Engine) tick() int64 {
	now := int64(time.Since(e.start)) + 1
	e.clock.Store(now)
	return now
}

func (e *Engine) nextSweep(now int64) int64 {
	return now + int64(e.tuning.Load().pingInterval)/sweepsPerPing
}

func (e *Engine) beatInterval() time.Duration {
	return min(250*time.Millisecond, e.tuning.Load().pingInterval/sweepsPerPing)
}

func (e *Engine) checkWatched(now int64) {
	e.mu.Lock()
	list := slices.Collect(maps.Keys(e.watched))
	e.mu.Unlock()
	for _, c := range list {
		c.cutOffOverdue(now)
	}
}

// sweep looks at every connection once.
func (e *Engine) sweep(now int64) {
	e.mu.Lock()
	list := slices.Clone(e.conns)
	e.mu.Unlock()
	ping := int64(e.tuning.Load().pingInterval)
	for _, c := range list {
		c.heartbeat(now, ping)
	}
}

// heartbeat pings a peer that has been silent for a ping interval and gives up
// one that has been for two, or whose message is not whole after two.
func (c *Conn) heartbeat(now, ping int64) {
	if begun := c.begun.Load(); begun != 0 && now-begun >= 2*ping {
		c.fail(errTardy)
		return
	}
	heard := c.heard.Load()
	if now-heard >= 2*ping {
		c.Kill(errSilent)
		return
	}
	if now-heard >= ping && c.pinged <= heard {
		c.pinged = now
		// A peer that is closing or slow needs no ping to be found out.
		_ = c.Send(pingFrame)
	}
}
