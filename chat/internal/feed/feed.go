package feed

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Feed reads the feed of a journal. Its methods may be called by any goroutine.
type Feed struct {
	bell
	places places // of those who pull

	leaving context.Context    // fixed; ends when nobody may wait any more
	leave   context.CancelFunc // fixed
}

// New returns the feed of a journal. Close must be called, before the journal is closed.
func New(j journal.Journal) *Feed {
	f := &Feed{bell: bell{journal: j}}
	f.leaving, f.leave = context.WithCancel(context.Background())
	return f
}

// Leave answers all who wait in Pull with what there is. From now on nobody waits there.
func (f *Feed) Leave() { f.leave() }

// Close ends the following of the feed, and does what Leave does. Reading may go on.
func (f *Feed) Close() {
	f.leave()
	f.bell.close()
}

// Now returns the position of a part at which nothing is new.
func (f *Feed) Now(ctx context.Context, part int) (string, error) {
	page, err := f.journal.Feed(ctx, journal.FeedQuery{Part: part})
	return Text(page.Epoch, part, page.Last), err
}
