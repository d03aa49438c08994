package journal

import (
	"context"
	"fmt"
)

// Restorer is a Journal that can also record what another journal has recorded.
// Prove one with journaltest.Run.
type Restorer interface {
	// Restore records entries in the given order, with the numbers and times
	// that they already have. It returns when they are as durable as if they had
	// been appended. Followers get them, their keys count, and retention counts
	// their age from the time that they have.
	//
	// An empty room begins with whatever number comes first, and if that entry has a
	// Count, it goes on counting from there. Any other room goes on after its newest
	// entry. Records and conditions of entries are ignored. An entry that the room has,
	// or had before retention removed it, is known: Restore skips it, so that a restore
	// which was interrupted can be repeated. If several entries of a user have one key,
	// the first one counts.
	//
	// Restore stops at the first entry that does not fit, and when the journal
	// cannot record. Then err is about entries[recorded+known], and neither that
	// entry nor any after it is recorded. But if err wraps ErrUncertain, because ctx
	// ended first or the journal was closed, any of them may be recorded: repeat it.
	Restore(ctx context.Context, entries []Entry) (recorded, known int, err error)

	// RestoreRecords writes records that came with entries, with the Seq and the Count of
	// the stamps that they already have, all in one commit. A record that is there with
	// such a stamp as new or newer stays. It returns how many were written.
	RestoreRecords(ctx context.Context, list []Record) (written int, err error)
}

// CheckRestorable returns an ErrLimit for an entry that no journal has recorded.
func CheckRestorable(e *Entry) error {
	switch {
	case !e.Kind.Recorded() || e.Seq == 0:
		return refuse("entry %d of room %q, of the kind %d, was never recorded", e.Seq, e.Room, e.Kind)
	case e.Seq > MaxSeq:
		return refuse("room %q can have no entry with the number %d: %d is the largest", e.Room, e.Seq, MaxSeq)
	case e.Count > uint64(e.Seq):
		return refuse("entry %d of room %q cannot be the %d-th that counts", e.Seq, e.Room, e.Count)
	case e.At < 0:
		return refuse("entry %d of room %q was not said %d ms before 1970", e.Seq, e.Room, -e.At)
	}
	return CheckEntry(e)
}

// CheckRestore says whether a journal may record e in a room whose newest entry
// ever has the number last and the time at; both are 0 if there was none. A known
// entry must not be recorded again.
func CheckRestore(e *Entry, last Seq, at int64) (known bool, err error) {
	switch {
	case last == 0:
		return false, nil
	case e.Seq <= last:
		return true, nil
	case e.Seq > last+1:
		return false, fmt.Errorf("room %q goes on with entry %d: entries %d to %d are missing", e.Room, last+1, last+1, e.Seq-1)
	case e.At < at:
		return false, fmt.Errorf("entry %d of room %q is older than the one before it", e.Seq, e.Room)
	}
	return false, nil
}

// CheckKnown returns an error if e differs from the entry that the room has under
// that number. Keys count only for entries that users send: an entry with a target has
// a key that the hub has made, which no export shows.
func CheckKnown(e, there *Entry) error {
	sameKey := e.Key == there.Key || e.Kind.HasTarget()
	if e.Kind != there.Kind || e.At != there.At || e.From.ID != there.From.ID || !sameKey || e.Target != there.Target {
		return fmt.Errorf("room %q has another entry with the number %d: import it into a hub where the room is still empty", e.Room, e.Seq)
	}
	return nil
}
