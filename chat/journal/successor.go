package journal

import (
	"context"
	"errors"
	"strconv"
	"strings"
)

// Successor is a Restorer that can take the place of another journal: clients that were
// connected to the other one go on there without a gap, because epochs, numbers and counts are
// the same. Prove one with journaltest.Run.
//
// These methods are for a journal that nobody else uses yet: followers are not told.
type Successor interface {
	Restorer

	// Succeed lets a journal that has recorded nothing go on in the epoch of another one. fresh is
	// the epoch that the other one has for a room that it does not have. Positions go on
	// above that of the other one. Succeed may be repeated until something is recorded. Then
	// the error is ErrNotEmpty.
	Succeed(ctx context.Context, fresh string, above Position) error

	// RestoreHead makes a room that stands where the other journal had it, before its oldest
	// entry that is kept: the next one, which Restore records, has the number h.First. Of h it takes Epoch,
	// First and Dropped; State, if that is below First; and At, if no entry is kept. A room that has
	// got entries since stays as it is. h must have an epoch of the store.
	RestoreHead(ctx context.Context, room string, h Head) error

	// ForgetFeed forgets the feed up to now: what was restored is no news. Who reads the feed
	// from an older position is told that entries were lost to them.
	ForgetFeed(ctx context.Context) error
}

// ErrNotEmpty says that a journal has recorded something, so it can't take the place of another
// one.
var ErrNotEmpty = errors.New("the journal is not empty")

// CutEpoch returns the epoch of the store and the position at which the room's life began, which is
// 0 for the first life. It returns false for what no journal has as an epoch.
func CutEpoch(room string) (store string, born Position, ok bool) {
	store, digits, lives := strings.Cut(room, ".")
	if !lives {
		return store, 0, store != ""
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	return store, Position(n), err == nil && n > 0 && store != ""
}

// CheckHead returns an ErrLimit for a head that no room can have.
func CheckHead(room string, h *Head) error {
	switch {
	case len(room) == 0 || len(room) > MaxRoom+1:
		return refuse("the name of a room has 1 to %d bytes, not %d", MaxRoom, len(room))
	case h.First < 1 || h.First > MaxSeq+1 || h.Last >= h.First && h.Last > MaxSeq:
		return refuse("room %q can't have the entries %d to %d", room, h.First, h.Last)
	case h.Dropped > uint64(h.First-1) || h.At < 0:
		return refuse("room %q can't have lost %d entries that count before the entry %d", room, h.Dropped, h.First)
	}
	return nil
}

// BeforeFirst is what a head says of the time before the oldest entry that is kept.
func (h *Head) BeforeFirst() (at int64, state Seq) {
	if h.Last < h.First {
		at = h.At
	}
	if h.State < h.First {
		state = h.State
	}
	return at, state
}
