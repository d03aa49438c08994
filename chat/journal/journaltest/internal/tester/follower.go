package tester

import (
	"errors"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// RoomFollower follows a room and checks every call.
type RoomFollower struct {
	*calls[journal.Entry]
	Room    string
	Inside  func(journal.Entry) // called by Deliver; may be nil
	MayLose bool                // Lost is expected
	lost    *calls[journal.Lost]

	// Set when Follow has returned.
	Start journal.Start
	Stop  func()
}

// NewFollower returns a follower of a room that does not follow yet.
func (t *T) NewFollower(room string) *RoomFollower {
	return &RoomFollower{
		calls: newCalls[journal.Entry](t, fmt.Sprintf("Deliver of %q", room)), Room: room,
		lost: newCalls[journal.Lost](t, fmt.Sprintf("Lost of %q", room)),
	}
}

// Follow follows a room from now on, until the test ends.
func (t *T) Follow(room string) *RoomFollower {
	t.Helper()
	return t.NewFollower(room).Begin(journal.Newest)
}

// Begin lets l follow its room behind the number after, until the test ends.
func (l *RoomFollower) Begin(after journal.Seq) *RoomFollower {
	l.T.Helper()
	var err error
	if l.Start, err = l.T.J.Follow(l.Room, after, l); err != nil {
		l.T.Fatalf("Follow(%q, %d): %v", l.Room, after, err)
	}
	l.Stop = l.stopper(func() {
		l.Start.Stop()
		l.lost.End()
	})
	return l
}

// Deliver implements journal.Follower.
func (l *RoomFollower) Deliver(e journal.Entry) {
	l.call(e, func(journal.Entry) {
		if e.Room != l.Room || e.Epoch != "" {
			l.T.Errorf("a follower of %q got an entry of %q with the epoch %q", l.Room, e.Room, e.Epoch)
		}
		if e.Kind.Recorded() {
			l.T.checkVisible(e) // reading is allowed here
		}
		if l.Inside != nil {
			l.Inside(e)
		}
	})
}

// Lost implements journal.Follower.
func (l *RoomFollower) Lost(lost journal.Lost) {
	if !l.MayLose && !errors.Is(lost.Why, journal.ErrClosed) {
		l.T.Errorf("a follower of %q has lost its room: %v", l.Room, lost.Why)
	}
	l.End()
	l.lost.call(lost, nil)
	l.lost.End()
}

// UpTo is for Until: it waits for the entry with a number.
func UpTo(last journal.Seq) func([]journal.Entry) bool {
	return func(got []journal.Entry) bool { return len(got) > 0 && got[len(got)-1].Seq >= last }
}

// UntilLost waits until the following ends.
func (l *RoomFollower) UntilLost() journal.Lost {
	l.T.Helper()
	return l.lost.Wait(1)[0]
}

// DeliveredSoFar returns everything that was appended before, of a follower that has
// caught up. It appends a transient entry and waits until that is delivered.
func (l *RoomFollower) DeliveredSoFar() []journal.Entry {
	l.T.Helper()
	const mark = "deliveredSoFar"
	l.T.Append(journal.Entry{Room: l.Room, Kind: journal.Signal, Origin: journal.Origin{Session: mark}})
	n := 0
	got := l.Until(func(got []journal.Entry) bool {
		for ; n < len(got); n++ {
			if got[n].Origin.Session == mark {
				return true
			}
		}
		return false
	})
	return got[:n]
}
