package listeners

import (
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Room listens to a room.
type Room = Listener[string, *Follower]

// Follower decides which entries of a room are delivered to a journal.Follower: those
// from a number on, and none while it reads what it has missed.
type Follower struct {
	To journal.Follower // fixed

	mu     sync.Mutex  // guards the rest
	next   journal.Seq // recorded entries below it are not delivered
	behind bool        // somebody reads what it has missed; the dispatcher delivers nothing
	missed journal.Seq // the newest entry that was not delivered for that reason
}

// NewFollower returns a follower that makes the dispatcher wait until Begin.
func NewFollower(to journal.Follower) *Follower {
	f := &Follower{To: to}
	f.mu.Lock()
	return f
}

// Begin says where the follower stands: entries below next are not delivered, and
// while it is behind, none are. It must be called once.
func (f *Follower) Begin(next journal.Seq, behind bool) {
	f.next, f.behind = next, behind
	f.mu.Unlock()
}

// Wants reports whether an entry must be delivered. It may not be asked twice.
func (f *Follower) Wants(e *journal.Entry) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !e.Kind.Recorded() {
		return !f.behind
	}
	if f.behind {
		f.missed = e.Seq
	}
	if f.behind || e.Seq < f.next {
		return false
	}
	f.next = e.Seq + 1
	return true
}

// CaughtUp says that everything up to last was delivered. It returns false if there is
// more by now.
func (f *Follower) CaughtUp(last journal.Seq) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.missed > last {
		return false
	}
	f.next, f.behind = last+1, false
	return true
}
