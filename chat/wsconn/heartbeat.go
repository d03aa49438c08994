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
// one that has not answered within another, or whose message is not whole after two.
func (c *Conn) heartbeat(now, pingInterval int64) {
	if start := c.messageStart.Load(); start != 0 && now-start >= 2*pingInterval {
		c.fail(errMessageTimeout)
		return
	}
	waits := c.watchWriting()
	lastRead := c.lastRead.Load()
	if lastRead == 0 {
		c.pingUnread(now, pingInterval)
		return
	}
	if now-lastRead < pingInterval {
		return
	}
	readsOn := c.takes() // asked at each heartbeat, since it compares with the one before
	if pinged := c.lastPing > lastRead; pinged {
		if now-c.lastPing < pingInterval {
			return
		}
		if !waits && !readsOn {
			c.Kill(errSilent)
			return
		}
		// The peer is still reading what was written before the ping, so that it can't
		// have answered. Where the ping met a full outbox it was dropped.
	}
	c.lastPing = now
	_ = c.Send(pingFrame) // fails only for a peer that is closing or slow, which has a timer
}

// pingUnread pings a peer whose bytes nobody reads yet: that keeps routers from forgetting
// the connection. The peer can't be heard, so its silence says nothing.
func (c *Conn) pingUnread(now, pingInterval int64) {
	if now-c.lastPing >= pingInterval {
		c.lastPing = now
		_ = c.Send(pingFrame)
	}
}

// watchWriting reports whether bytes are being written or wait in the outbox. It adds
// the timer of a write that began without one.
func (c *Conn) watchWriting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == dead || c.timerStart == 0 {
		return false
	}
	c.shared.registry.addTimer(c)
	return true
}

// takes reports whether the kernel holds bytes for the peer, which has taken others
// since the last look.
func (c *Conn) takes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == dead { // the socket may be closed
		return false
	}
	p := c.sock.progress()
	return p.some && p.left
}

// lingerTime is how long what comes is still read where a peer that waits for the end of the
// connection, as RFC 6455 says in section 7.1.1, can be told of it only by close. To close
// with unread bytes would reset the connection, and the peer could lose our close frame.
const lingerTime = 100 * time.Millisecond

// checkTimer ends the connection when the peer has exceeded its time limit, and
// removes the timer when it has none any more. That the limit has passed says
// nothing about a peer that reads slowly, so the kernel is asked whether the peer has
// taken anything: its socket may be called writable only much later.
func (c *Conn) checkTimer(now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != dead && c.timerStart != 0 {
		limit := c.shared.cfg.WriteTimeout
		if c.state == closing {
			limit = c.shared.cfg.CloseTimeout
			if c.lingers {
				limit = min(limit, lingerTime)
			}
		} else if c.sock.progress().some {
			c.timerStart = now
		}
		if time.Duration(now-c.timerStart) < limit {
			return
		}
		c.killLocked(errStalled)
	}
	c.shared.registry.removeTimer(c)
}
