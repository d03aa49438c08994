package disk

import (
	"context"
	"fmt"
	"time"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
)

// readersMax bounds the goroutines of Within. Whoever comes after them waits: they are so
// many only while the disk does not answer.
const readersMax = 1024

// Within calls do with the open store on a goroutine of its own, and returns early if ctx
// ends: nothing else ends a read from a disk that does not answer. The store is not closed
// before do has returned. It costs about a microsecond. do must share nothing with its
// caller that it changes.
func Within[T any](ctx context.Context, s *Store, do func(*Handle) (T, error)) (T, error) {
	h, err := s.Use(ctx)
	if err != nil {
		var none T
		return none, err
	}
	return With(ctx, h, do)
}

// With is Within for a handle that the caller holds. The handle is released once do has
// returned, or if ctx ends before do is called.
func With[T any](ctx context.Context, h *Handle, do func(*Handle) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	var none T
	s := h.store
	select {
	case s.reading <- struct{}{}:
	case <-ctx.Done():
		h.Release()
		return none, context.Cause(ctx)
	}
	answers := make(chan answer, 1)
	go func() {
		a := answer{err: Unavailable(failstop.ErrGaveUp)} // if Pebble ends this goroutine
		defer func() {
			if cause := recover(); cause != nil { // Pebble does so if it cannot sync a directory
				a.err = Unavailable(fmt.Errorf("the store panicked: %v", cause))
			}
			h.Release()
			<-s.reading
			answers <- a
		}()
		a.value, a.err = do(h)
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}

// healthCheck is how often a long operation looks whether the disk fails.
const healthCheck = 100 * time.Millisecond

// Aside is Within for what takes long and writes: the context of do also ends when the
// disk fails.
func (s *Store) Aside(ctx context.Context, do func(context.Context, *Handle) error) error {
	_, err := Within(ctx, s, func(h *Handle) (none struct{}, err error) {
		ctx, stop := h.whileHealthy(ctx)
		defer stop()
		return none, do(ctx, h)
	})
	return err
}

// whileHealthy returns a context that ends with ctx, and when the disk fails. Pebble
// would try again for as long as it does.
func (h *Handle) whileHealthy(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(healthCheck)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if err := h.DB.Health(); err != nil {
					cancel(Unavailable(err))
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-ended
	}
}
