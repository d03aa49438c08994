package chat

import (
	"context"
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

	current atomic.Pointer[Settings]
	counts  counters
}

func (b *base) settings() *Settings { return b.current.Load() }
