package erase

import (
	"context"
	"slices"

	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Members erases the records of a room, in which nobody is, and returns how many members
// it had.
func Members(ctx context.Context, j journal.Journal, name string) (int, error) {
	state, err := members.Load(ctx, j.Records(), name, nil, true)
	if err != nil {
		return 0, err
	}
	entries := state.Erase()
	marks, err := tags.OfRoom(ctx, j.Records(), name)
	if err != nil {
		return 0, err
	}
	mentions := []journal.Record{{Key: list.AllKey(name)}}
	for user := range state.Seats {
		mentions = append(mentions, journal.Record{Key: list.MentionKey(user, name)})
	}
	for part := range slices.Chunk(mentions, journal.MaxWith) {
		if len(state.Seats) > 0 {
			marks = append(marks, journal.Entry{Room: name, Kind: journal.Tag, Target: 1, With: part})
		}
	}
	if err := appendAll(ctx, j, append(marks, entries...)); err != nil {
		return 0, err
	}
	return len(state.Seats), list.Afresh(ctx, j.Records())
}

// appendAll appends entries one after the other, for the records that come with them.
func appendAll(ctx context.Context, j journal.Journal, entries []journal.Entry) error {
	for _, e := range entries {
		answer := make(chan error, 1)
		j.Append(ctx, e, func(_ journal.Receipt, err error) { answer <- err })
		select {
		case err := <-answer:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
