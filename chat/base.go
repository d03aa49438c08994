package chat

import (
	"context"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
)

// base is what a hub and its sessions share. Any goroutine may use it.
type base struct {
	// Fixed.
	core    *acts.Core
	log     *zap.Logger
	context context.Context // ends when the sessions have gone
	ended   func(id string) // takes a session off the list

	workers sync.WaitGroup // the goroutine of Retire, those in which sessions begin, and those of their lines

	cutOff  atomic.Bool // this node does not reach the store of its journal: it has no sessions
	current atomic.Pointer[Settings]
	counts  counters
}

func (b *base) logPanic(value any, stack []byte) {
	b.log.Error("a panic was contained", zap.Any("panic", value), zap.ByteString("stack", stack))
}

func (b *base) settings() *Settings { return b.current.Load() }
