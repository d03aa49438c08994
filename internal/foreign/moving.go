package foreign

import (
	"context"
	"time"
)

// WhileMoving returns a context that ends with ctx, and once the journal has answered nothing
// for d that was asked with it, or with a context made of it. So what takes long has a bound
// while the journal stands still, and none while it goes on. Appends do not count.
func WhileMoving(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	m := &moving{after: d, timer: time.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })}
	return context.WithValue(ctx, movingKey{}, m), func() { m.timer.Stop(); cancel(nil) }
}

type movingKey struct{}

type moving struct {
	after time.Duration
	timer *time.Timer
}

// moved says that the journal has answered.
func moved(ctx context.Context) {
	if m, ok := ctx.Value(movingKey{}).(*moving); ok && ctx.Err() == nil {
		m.timer.Reset(m.after)
	}
}
