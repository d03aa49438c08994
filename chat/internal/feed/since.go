package feed

import (
	"context"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Since returns a position of a part behind which everything lies that was recorded at a
// time or later, as far as the feed keeps it. Times of different rooms may be of different
// clocks, so it goes a few seconds further back.
func (f *Feed) Since(ctx context.Context, part int, at time.Time) (string, error) {
	state, err := f.journal.Feed(ctx, journal.FeedQuery{Part: part})
	if err != nil {
		return "", err
	}
	bound := at.Add(-clockSkew).UnixMilli()
	low, high := state.First, state.Last // all behind high is new enough, nothing up to low is
	for low < high {
		middle := low + (high-low)/2
		e, err := f.firstBehind(ctx, part, middle)
		switch {
		case err != nil:
			return "", err
		case e == nil || e.At >= bound:
			high = middle
		default:
			low = max(middle+1, e.Position)
		}
	}
	return Text(state.Epoch, part, min(low, state.Last)), nil
}

// clockSkew is how far the clocks of two nodes may be apart.
const clockSkew = 5 * time.Second

// firstBehind returns the first entry behind a position that is kept, or nil.
func (f *Feed) firstBehind(ctx context.Context, part int, after journal.Position) (*journal.Entry, error) {
	for {
		page, err := f.journal.Feed(ctx, journal.FeedQuery{Part: part, After: after, Limit: 1})
		switch {
		case err != nil:
			return nil, err
		case len(page.Entries) > 0:
			return &page.Entries[0], nil
		case page.Next >= page.Last || page.Next <= after:
			return nil, nil
		}
		after = page.Next
	}
}
