package backpressure

import (
	"context"
	"time"
)

// AwaitPaid waits until nothing is owed, or until ctx ends: owed returns how long that takes
// at least. If over is not nil, it is asked each second whether waiting is of no more use.
func AwaitPaid(ctx context.Context, owed func() time.Duration, over func() bool) error {
	for {
		if over != nil && over() {
			return context.Canceled
		}
		wait := owed()
		if wait <= 0 {
			return nil
		}
		if over != nil {
			wait = min(wait, time.Second)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}
