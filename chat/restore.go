package chat

import (
	"context"
	"fmt"
)

// Restorer is a Journal that can also record what another journal has recorded.
// Prove one with journaltest.Run, as any journal.
type Restorer interface {
	// Restore records entries with the numbers and times they have, in their
	// order, and waits until they are as durable as if they had been appended.
	// They are delivered to followers like those, and their keys count. Retention
	// counts their age from the time they have.
	//
	// A room in which nothing was ever recorded begins with whatever number comes
	// first; any other goes on behind its newest entry. An entry that the room
	// has, or had before retention took it, is known: it is passed over, so that
	// what was broken off can be done again.
	//
	// It stops at the first entry that does not fit, or when the journal can't
	// record: err is about entries[recorded+known], and nothing from there on is
	// recorded. Entries must be valid and not transient.
	Restore(ctx context.Context, entries []Entry) (recorded, known int, err error)
}

// CheckRestore says whether a journal may record e behind the newest entry that
// its room ever had, numbered last and said at; 0 and 0 where there was none. A
// known one is not recorded again.
func CheckRestore(e *Entry, last Seq, at int64) (known bool, err error) {
	switch {
	case last == 0:
		return false, nil
	case e.Seq <= last:
		return true, nil
	case e.Seq > last+1:
		return false, fmt.Errorf("room %q goes on with entry %d: those from there to %d are missing", e.Room, last+1, e.Seq-1)
	case e.At < at:
		return false, fmt.Errorf("entry %d of room %q is older than the one before it", e.Seq, e.Room)
	}
	return false, nil
}

// CheckKnown returns an error if e is not the entry that is there under its
// number.
func CheckKnown(e, there *Entry) error {
	if e.Kind != there.Kind || e.At != there.At || e.From.ID != there.From.ID || e.Key != there.Key || e.Target != there.Target {
		return fmt.Errorf("room %q has another entry with the number %d: import it to a hub where the room is still empty", e.Room, e.Seq)
	}
	return nil
}
