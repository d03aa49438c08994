package erase

import (
	"context"
	"errors"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Room says what was erased of a room.
type Room struct {
	Room     string `json:"room"`
	Entries  uint64 `json:"entries"`  // erased
	Marks    int    `json:"marks"`    // of how far users have read, erased
	Members  int    `json:"members"`  // of a conversation, erased
	Sessions int    `json:"sessions"` // that were in the room, and had to come back
}

// Any reports whether anything was erased, or ended.
func (r Room) Any() bool { return r != Room{Room: r.Room} }

// SoFar is as that of User.
func (r Room) SoFar(err error) error {
	return soFar(err, "%d entries, %d members and %d read marks of the room are erased already", r.Entries, r.Members, r.Marks)
}

// soFar returns an error of an erasure that has ended early, with what was erased. It returns nil for
// nil.
func soFar(err error, format string, counts ...any) error {
	if err == nil {
		return nil
	}
	why, told := *wire.Unavailable.Error(""), new(wire.Error)
	if errors.As(err, &told) {
		why = *told
	}
	why.Message += "; " + fmt.Sprintf(format, counts...) + ", and the rest is not: repeat the request, and it goes on"
	why.Uncertain = why.Code == wire.Unavailable
	if err == error(told) {
		return &why
	}
	return fmt.Errorf("%w: %w", &why, err)
}

// Entries erases all entries of a room, and returns how many there were. It returns
// false if the room never had any.
func Entries(ctx context.Context, j journal.Journal, name string) (n uint64, known bool, err error) {
	heads, err := j.Heads(ctx, []string{name})
	if err != nil || heads[0].Last == 0 {
		return 0, false, err
	}
	if err := j.Trim(ctx, name, journal.All); err != nil {
		return 0, true, err
	}
	return uint64(heads[0].Last+1) - uint64(heads[0].First), true, nil
}
