// Package reading bounds what is read for all clients of a hub at a time, and charges each of
// them for what was read.
package reading

import (
	"context"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Reading is what the readers of a hub share. It must be made by New; its methods may be called
// by any goroutine.
type Reading struct {
	pool *backpressure.Pool // fixed
	rate access.KeyLimiter[access.Person]
}

// most bounds the bytes of what is read for all clients at a time.
const most = 32 << 20

// New returns the Reading of a hub.
func New() *Reading { return &Reading{pool: backpressure.NewPool(most)} }

// Take takes bytes for a reader, until release is called. It waits while others have them.
func (r *Reading) Take(ctx context.Context, who access.Person, bytes int) (release func(), err error) {
	return r.pool.Take(ctx, who, bytes)
}

// Debt returns how long a reader should wait before it reads again.
func (r *Reading) Debt(rate access.Rate, now time.Duration, who access.Person) time.Duration {
	return r.rate.Debt(rate, now, who)
}

// Owe charges a reader for what was read: what a read costs is known afterwards only.
func (r *Reading) Owe(rate access.Rate, now time.Duration, who access.Person, bytes int) {
	r.rate.Owe(rate, now, who, bytes)
}

// TooMuch refuses a reader who has a debt.
func TooMuch(debt time.Duration) error {
	e := wire.TooSoon(debt)
	e.Message = "you have read too much: wait before you read more"
	return e
}
