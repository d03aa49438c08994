// Package reading bounds what is read for all clients of a hub at a time, and charges each of
// them for what was read.
package reading

import (
	"context"
	"net/netip"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Reading is what the readers of a hub share. It must be made by New; its methods may be called
// by any goroutine.
type Reading struct {
	pool   *backpressure.Pool // fixed
	rate   access.KeyLimiter[access.Person]
	visits access.KeyLimiter[netip.Addr]
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

// visitCost is what an answer costs beside its bytes: 1000 a second with the default rate.
const visitCost = 4 << 10

// Visit charges an address for an answer that everybody gets, whoever asks: it has so many
// bytes. While the address has a debt, it is not charged: Visit returns how long it should wait.
// It is none of its readers, so strangers who visit keep no guest there from reading.
func (r *Reading) Visit(rate access.Rate, now time.Duration, addr netip.Addr, bytes int) (debt time.Duration) {
	key := access.AddressKey(addr)
	if debt = r.visits.Debt(rate, now, key); debt == 0 {
		r.visits.Owe(rate, now, key, visitCost+bytes)
	}
	return debt
}

// TooMuch refuses a reader who has a debt.
func TooMuch(debt time.Duration) error {
	e := wire.TooSoon(debt)
	e.Message = "you have read too much: wait before you read more"
	return e
}
