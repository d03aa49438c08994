package feed

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Feed reads the feed of a journal. Its methods may be called by any goroutine.
type Feed struct {
	bell
}

// New returns the feed of a journal. Close must be called, before the journal is closed.
func New(j journal.Journal) *Feed { return &Feed{bell{journal: j}} }

// Close ends the following of the feed. Reading may go on.
func (f *Feed) Close() { f.bell.close() }

// Now returns the position of a part at which nothing is new.
func (f *Feed) Now(ctx context.Context, part int) (string, error) {
	page, err := f.journal.Feed(ctx, journal.FeedQuery{Part: part})
	return Text(page.Epoch, part, page.Last), err
}
