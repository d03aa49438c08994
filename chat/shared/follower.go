package shared

import (
	"errors"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// caller makes the calls of a follower or a watcher, one at a time, until it is stopped.
type caller struct {
	log *zap.Logger // fixed

	mu      sync.Mutex     // guards stopped
	stopped bool           // nothing is called any more
	running sync.WaitGroup // a call that runs; raised under mu, and not once stopped
}

// call reports whether it has called f.
func (c *caller) call(f func()) bool {
	c.mu.Lock()
	if c.stopped {
		c.mu.Unlock()
		return false
	}
	c.running.Add(1)
	c.mu.Unlock()
	defer c.running.Done()
	protect(c.log, f)
	return true
}

// last makes the last call.
func (c *caller) last(f func()) {
	c.call(func() {
		c.mu.Lock()
		c.stopped = true
		c.mu.Unlock()
		f()
	})
}

// stop returns after the last call.
func (c *caller) stop() {
	c.mu.Lock()
	c.stopped = true
	c.mu.Unlock()
	c.running.Wait()
}

var errNewLife = errors.New("the room was forgotten, and began again")

var errRolledBack = errors.New("the store has lost what was recorded, or has moved to a server that may lack it")

// lostIn is what a follower is told if its room has another epoch.
func lostIn(now, was string) journal.Lost {
	if storeEpoch(now) != storeEpoch(was) {
		return journal.Lost{Epoch: now, Why: errRolledBack}
	}
	return journal.Lost{Epoch: now, Why: errNewLife}
}

// storeEpoch is the epoch of the store that a room's is of.
func storeEpoch(room string) string {
	store, _, _ := strings.Cut(room, ".")
	return store
}

// follower is somebody who follows a room.
type follower struct {
	caller
	// Fixed.
	to    journal.Follower
	epoch string
	began journal.Position // everything of the part up to here was there when the following began
	since time.Time        // when it began

	// Guarded by stream.mu.
	next     journal.Seq // lower numbers were delivered, or are not asked for
	catching bool        // Follow reads what was there before; nothing else is delivered
	lost     bool        // meanwhile another epoch of the store has begun
	missed   journal.Seq // the newest that came meanwhile
}

// due reports whether the part should deliver e now, and whether the room has begun again. stream.mu
// must be held.
func (f *follower) due(d *delivery) (due, lost bool) {
	e := &d.entry
	if !e.Kind.Recorded() {
		return !f.catching && !d.sent.Before(f.since), false
	}
	if e.Epoch != f.epoch {
		return false, e.Position > f.began
	}
	if e.Seq < f.next {
		return false, false
	}
	if f.catching {
		f.missed = max(f.missed, e.Seq)
		return false, false
	}
	f.next = e.Seq + 1
	return true, false
}

func (f *follower) deliver(e journal.Entry) {
	e.Epoch = ""
	f.call(func() { f.to.Deliver(e) })
}

// feedFollower is somebody who follows a part of the feed.
type feedFollower struct {
	caller
	wants   func(room string) bool
	show    func(journal.Entry)
	lost    func(journal.Lost)
	fromRow uint64 // rows above this one
}
