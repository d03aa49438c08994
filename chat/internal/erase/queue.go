package erase

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/internal/keyedmutex"
)

// Queue lets erasures of one node wait for each other. Two at once would count
// the same messages, and one would be refused where the other erases a room. The zero value is ready to use.
type Queue struct{ one keyedmutex.Mutex[struct{}] }

// Lock waits until no other erasure is under way, and returns how to end this one, which must be
// called in any case.
func (t *Queue) Lock(ctx context.Context) (unlock func(), err error) {
	if unlock, err = t.one.Lock(ctx, struct{}{}); err != nil {
		return func() {}, err
	}
	return unlock, nil
}
