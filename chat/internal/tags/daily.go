package tags

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// interval is how often it is looked for tags that nobody is shown any more, and pause the
// time between two steps of that.
const (
	interval = 24 * time.Hour
	pause    = 100 * time.Millisecond
)

// SweepDaily deletes the tags of messages that are no longer kept, until ctx ends, and logs
// each day how many it was. What it does not get done, it does the next day; so it is while
// nodes have different configurations.
func SweepDaily(ctx context.Context, j journal.Journal, rooms journal.Lister, log *zap.Logger) {
	for timing.Wait(ctx, interval) == nil {
		if nodes, err := j.Nodes().List(ctx); err != nil || !journal.Agree(nodes) {
			continue
		}
		if n, err := sweepContained(ctx, j, rooms); ctx.Err() == nil {
			log.Info("deleted the tags of messages that are no longer kept", zap.Int("tags", n), zap.Error(err))
		}
	}
}

func sweepContained(ctx context.Context, j journal.Journal, rooms journal.Lister) (n int, err error) {
	defer func() {
		if v := recover(); v != nil { // of the journal's
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return Sweep(ctx, j, rooms, func(ctx context.Context) error { return timing.Wait(ctx, pause) })
}
