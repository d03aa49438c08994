package memjournal

import (
	"sync"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/mailbox"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// follower is somebody who is called for entries or records.
type follower[T any] struct {
	// Fixed.
	call func(T)
	log  *zap.Logger

	mu      sync.Mutex     // guards stopped
	stopped bool           // nothing is called any more
	running sync.WaitGroup // a call that runs; raised under mu, and not once stopped
}

func newFollower[T any](log *zap.Logger, call func(T)) *follower[T] {
	return &follower[T]{call: call, log: log}
}

// deliver makes the next call, unless the follower has stopped.
func (f *follower[T]) deliver(x T) {
	f.mu.Lock()
	if f.stopped {
		f.mu.Unlock()
		return
	}
	f.running.Add(1)
	f.mu.Unlock()
	defer f.running.Done()
	defer logPanic(f.log)
	f.call(x)
}

// stop returns after the last call.
func (f *follower[T]) stop() {
	f.mu.Lock()
	f.stopped = true
	f.mu.Unlock()
	f.running.Wait()
}

// protect calls a function of somebody else, and logs its panic.
func protect(log *zap.Logger, f func()) {
	defer logPanic(log)
	f()
}

// logPanic ends a panic. It must be deferred.
func logPanic(log *zap.Logger) {
	if cause := recover(); cause != nil {
		log.Error("chat journal: callback panicked", zap.Any("cause", cause), zap.Stack("stack"))
	}
}

// drainer is a mailbox. Whoever put something into an idle one must drain it, without
// locks.
type drainer interface{ drain() }

func drainAll(due []drainer) {
	for _, d := range due {
		d.drain()
	}
}

// outlet is a follower with a mailbox of its own.
type outlet[T any] struct {
	*follower[T]
	box mailbox.Mailbox[T]
}

func (o *outlet[T]) drain() {
	for batch := o.box.Take(nil); len(batch) > 0; batch = o.box.Take(batch) {
		for i := range batch {
			o.deliver(batch[i])
		}
	}
}

// outgoing is the mailbox of a room, which all its followers share.
type outgoing struct{ mailbox.Mailbox[delivery] }

// delivery is one entry on its way to those who followed the room when the entry
// was numbered.
type delivery struct {
	entry journal.Entry
	to    []*follower[journal.Entry]
}

func (o *outgoing) drain() {
	for batch := o.Take(nil); len(batch) > 0; batch = o.Take(batch) {
		for i := range batch {
			for _, f := range batch[i].to {
				f.deliver(batch[i].entry)
			}
		}
	}
}
