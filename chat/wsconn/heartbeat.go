package wsconn

import (
	"errors"
	"time"

	"github.com/gobwas/ws"
)

// pingFrame is the one ping that all peers get.
var pingFrame = AppendFrame(nil, ws.OpPing, false, nil)

// errSilent ends a connection whose peer has sent nothing for two ping intervals.
var errSilent = errors.New("peer sent nothing for two ping intervals")

// errStalled ends a connection whose peer has read nothing for WriteTimeout.
var errStalled = errors.New("peer stopped reading")

// errMessageTimeout ends a connection whose message did not become whole in time.
var errMessageTimeout = &CloseError{Code: ws.StatusPolicyViolation, Reason: "message took too long"}

// heartbeat pings a peer that has been silent for a ping interval and cuts off
// one that has been for two, or whose message is not whole after two.
func (c *Conn) heartbeat(now, pingInterval int64) {
	if start := c.messageStart.Load(); start != 0 && now-start >= 2*pingInterval {
		c.fail(errMessageTimeout)
		return
	}
	lastRead := c.lastRead.Load()
	if now-lastRead >= 2*pingInterval {
		c.Kill(errSilent)
		return
	}
	if now-lastRead >= pingInterval && c.lastPing <= lastRead {
		c.lastPing = now
		// It fails for a peer that is closing or slow, which has a timer already.
		_ = c.Send(pingFrame)
	}
}

// checkTimer ends the connection when the peer has exceeded its time limit, and
// removes the timer when it has none any more.
func (c *Conn) checkTimer(now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != dead && c.timerStart != 0 {
		limit := c.shared.cfg.WriteTimeout
		if c.state == closing {
			limit = c.shared.cfg.CloseTimeout
		}
		if time.Duration(now-c.timerStart) < limit {
			return
		}
		c.killLocked(errStalled)
	}
	c.shared.registry.removeTimer(c)
}
