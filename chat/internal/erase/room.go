package erase

import (
	"context"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Room says what was erased of a room.
type Room struct {
	Room     string `json:"room"`
	Entries  uint64 `json:"entries"`  // erased
	Marks    int    `json:"marks"`    // of how far users have read, erased
	Members  int    `json:"members"`  // of a conversation, erased
	Sessions int    `json:"sessions"` // that were in the room, and had to come back
}

// Entries erases all entries of a room, and returns how many there were. It returns
// false if the room never had any.
func Entries(ctx context.Context, j journal.Journal, name string) (n uint64, known bool, err error) {
	heads, err := j.Heads(ctx, []string{name})
	if err != nil || heads[0].Last == 0 {
		return 0, false, err
	}
	return uint64(heads[0].Last+1) - uint64(heads[0].First), true, j.Trim(ctx, name, journal.All)
}
