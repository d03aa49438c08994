package growth

import (
	"context"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Fits takes for a holder what the records that come with an entry add, or returns false: the holder
// has added too much, and they would add more.
func (g *Growth) Fits(ctx context.Context, records journal.Records, holder access.Person, with []journal.Record, now time.Duration) bool {
	about := int64(0)
	for i := range with {
		about += size(&with[i])
	}
	return g.Take(holder, about, now, func() int64 { return about - replaced(ctx, records, with) })
}

// replaced returns how many bytes go for what comes. If that cannot be read, nothing does.
func replaced(ctx context.Context, records journal.Records, with []journal.Record) (n int64) {
	keys := make([]string, len(with))
	for i := range with {
		keys[i] = with[i].Key
	}
	old, err := records.GetMany(ctx, keys)
	if err != nil {
		return 0
	}
	for i := range old {
		n += size(&old[i])
	}
	return n
}

// size is what a record takes, about.
func size(r *journal.Record) int64 {
	if r.Value == nil {
		return 0
	}
	return 160 + int64(len(r.Key)+len(r.Value))
}
