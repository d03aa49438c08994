package pebblejournal

import (
	"slices"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// followers are the callbacks of Follow, by room.
type followers struct {
	mu     sync.Mutex             // guards the rest, and what says so in a follower
	byRoom map[string][]*follower // a slice is replaced and never changed
	closed bool
}

type follower struct {
	deliver func(journal.Entry) // fixed

	// Guarded by followers.mu.
	stopped bool
	calling bool          // deliver is running
	called  chan struct{} // closed when deliver has returned, if remove waits for that
}

// add adds a follower. It returns false if the journal is closed.
func (fs *followers) add(room string, f *follower) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.closed {
		return false
	}
	fs.byRoom[room] = append(slices.Clip(fs.byRoom[room]), f)
	return true
}

// remove removes a follower and returns after the last call of its deliver.
func (fs *followers) remove(room string, f *follower) {
	fs.mu.Lock()
	if !f.stopped {
		f.stopped = true
		left := slices.DeleteFunc(slices.Clone(fs.byRoom[room]), func(g *follower) bool { return g == f })
		if fs.byRoom[room] = left; len(left) == 0 {
			delete(fs.byRoom, room)
		}
	}
	if f.calling && f.called == nil {
		f.called = make(chan struct{})
	}
	called := f.called
	fs.mu.Unlock()
	if called != nil {
		<-called
	}
}

// beginCall reports whether deliver may be called now: it may not after remove.
func (fs *followers) beginCall(f *follower) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f.calling = !f.stopped
	return f.calling
}

func (fs *followers) endCall(f *follower) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f.calling = false
	if f.called != nil {
		close(f.called)
		f.called = nil
	}
}

// close removes all followers and lets no more in. No deliver may be running.
func (fs *followers) close() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.closed = true
	clear(fs.byRoom)
}
