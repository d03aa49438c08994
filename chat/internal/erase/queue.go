package erase

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/internal/keyedmutex"
)

// Queue lets erasures of one node wait for each other. Two at once would count
// the same messages, and one would be refused where the other erases a room. The zero value is ready to use.
type Queue struct{ one keyedmutex.Mutex[struct{}] }

// Lock waits until no other erasure is under way, and returns how to end this one, which must be
// called in any case. refused is why this one may not begin, or nil: whoever is refused waits for
// nobody.
func (q *Queue) Lock(ctx context.Context, refused error) (unlock func(), err error) {
	if err = refused; err == nil {
		unlock, err = q.one.Lock(ctx, struct{}{})
	}
	if err != nil {
		return func() {}, err
	}
	return unlock, nil
}
