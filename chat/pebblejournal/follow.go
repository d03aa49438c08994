package pebblejournal

import (
	"slices"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// followers are who hears of which rooms.
type followers struct {
	mu     sync.Mutex             // guards the rest, and what says so of every follower
	byRoom map[string][]*follower // replaced, never changed
	closed bool
}

type follower struct {
	deliver func(journal.Entry) // fixed

	// Guarded by followers.mu.
	stopped bool
	calling bool          // deliver is running
	called  chan struct{} // closed when it has returned, if stop waits for that
}

// Follow has deliver called for every entry of room from now on.
func (j *Journal) Follow(room string, deliver func(journal.Entry)) (stop func(), err error) {
	f := &follower{deliver: deliver}
	if !j.followers.add(room, f) {
		return nil, journal.ErrClosed
	}
	return func() { j.followers.remove(room, f) }, nil
}

func (fs *followers) add(room string, f *follower) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.closed {
		return false
	}
	fs.byRoom[room] = append(slices.Clip(fs.byRoom[room]), f)
	return true
}

// remove returns after the last call.
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

// address notes who is to hear of each item: those who follow now. The group is
// durable and nobody has been answered, so who follows later has read it, or
// can.
func (fs *followers) address(items []item) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i := range items {
		if it := &items[i]; it.change == nil {
			it.to = fs.byRoom[it.entry.Room]
		}
	}
}

// deliver calls the followers of an entry's room. Only the answerer does.
func (j *Journal) deliver(e journal.Entry, to []*follower) {
	for _, f := range to {
		if j.followers.enter(f) {
			j.call(func() { f.deliver(e) })
			j.followers.leave(f)
		}
	}
}

// enter says that f is about to be called, unless it was stopped.
func (fs *followers) enter(f *follower) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f.calling = !f.stopped
	return f.calling
}

func (fs *followers) leave(f *follower) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f.calling = false
	if f.called != nil {
		close(f.called)
		f.called = nil
	}
}

// close ends every Follow. The answerer has ended before.
func (fs *followers) close() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.closed = true
	clear(fs.byRoom)
}
