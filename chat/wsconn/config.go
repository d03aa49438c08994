package wsconn

import (
	"errors"
	"time"
)

// ErrEngineClosed is returned by Attach and Accept after Close.
var ErrEngineClosed = errors.New("engine is closed")

// Config is what an Engine's connections have in common. Zero fields mean the
// defaults.
type Config struct {
	// MaxMessage bounds a message from a client, in bytes, over all its
	// fragments and after decompression. Default 64 KiB.
	MaxMessage int

	// PingInterval is how long a peer may be silent before it is sent a ping. A
	// peer that is silent for two intervals is cut off. Default 25 s.
	PingInterval time.Duration

	// OutboxLimit bounds the bytes that wait for one peer. Default 256 KiB.
	OutboxLimit int

	// OutboxTotal bounds the bytes that wait for all peers together. When the sum
	// exceeds it, the peers for which most waits are cut off, one after the other. For
	// each peer 4 KiB may wait in any case. A quarter of OutboxTotal bounds messages from
	// clients that are not whole yet, or with which their Handler waits; for each client
	// 512 bytes may in any case, and what one read takes. Default 256 MiB.
	OutboxTotal int

	// WriteTimeout is how long a peer may read nothing of what waits for it
	// before it is cut off. A peer that reads slowly stays. Where the system does
	// not tell what it has read (anything but TCP, Unix sockets and TLS over these,
	// on Linux), that means less than 16 KiB. Default 10 s.
	WriteTimeout time.Duration

	// CloseTimeout is how long a peer may take to read what waits and to answer
	// a close frame. Default 3 s.
	CloseTimeout time.Duration

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

// Below these, what a connection holds is not listed: see holders.
const (
	leastOutbox     = 4 << 10
	leastUnfinished = 512
)

// unfinishedShare is which part of OutboxTotal bounds unfinished messages.
const unfinishedShare = 4

// tuning is the part of a Config that may change while connections live.
type tuning struct {
	maxMessage, outboxLimit int
	outboxTotal             int64
	pingInterval            time.Duration
}

// tuning expects the defaults to be filled in.
func (c Config) tuning() *tuning {
	return &tuning{c.MaxMessage, c.OutboxLimit, int64(c.OutboxTotal), c.PingInterval}
}
