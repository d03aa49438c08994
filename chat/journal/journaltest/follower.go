package journaltest

import (
	"context"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// roomFollower follows a room and checks every call of deliver.
type roomFollower struct {
	t    *tester
	room string
	stop func()

	mu        sync.Mutex // guards the rest
	delivered []journal.Entry
	calling   bool
	stopped   bool
	more      chan struct{} // closed and replaced when an entry is delivered
}

// follow follows a room until the test ends.
func (t *tester) follow(room string) *roomFollower {
	t.Helper()
	l := &roomFollower{t: t, room: room, more: make(chan struct{})}
	stop, err := t.j.Follow(room, l.deliver)
	if err != nil {
		t.Fatalf("Follow(%q): %v", room, err)
	}
	l.stop = sync.OnceFunc(func() {
		stop()
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.calling {
			t.Error("stop has returned while deliver was running")
		}
		l.stopped = true
	})
	t.Cleanup(l.stop)
	return l
}

func (l *roomFollower) deliver(e journal.Entry) {
	l.begin(e)
	// Reading is allowed here, and must show the entry.
	if e.Kind.Recorded() {
		l.checkDurable(e)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calling = false
}

func (l *roomFollower) begin(e journal.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calling {
		l.t.Error("deliver was called while it was running")
	}
	if l.stopped {
		l.t.Errorf("deliver was called with %d after stop", e.Seq)
	}
	if e.Room != l.room {
		l.t.Errorf("deliver of %q got an entry of %q", l.room, e.Room)
	}
	l.calling = true
	l.delivered = append(l.delivered, e)
	close(l.more)
	l.more = make(chan struct{})
}

func (l *roomFollower) checkDurable(e journal.Entry) {
	page, err := l.t.j.Read(context.Background(), journal.Query{Room: e.Room, After: e.Seq - 1, Limit: 1})
	switch {
	case err == journal.ErrClosed: // the journal is being closed
	case err != nil:
		l.t.Errorf("Read while %d was delivered: %v", e.Seq, err)
	case page.Last < e.Seq:
		l.t.Errorf("%d was delivered when the last one to be read was %d", e.Seq, page.Last)
	}
}

// wait waits until n entries are delivered, and returns all that are.
func (l *roomFollower) wait(n int) []journal.Entry {
	l.t.Helper()
	deadline := time.After(patience)
	for {
		l.mu.Lock()
		delivered, more := l.delivered, l.more
		l.mu.Unlock()
		if len(delivered) >= n {
			return delivered
		}
		select {
		case <-more:
		case <-deadline:
			l.t.Fatalf("%d entries were delivered, want %d", len(delivered), n)
		}
	}
}

// deliveredSoFar returns everything that was appended before. It appends a transient
// entry and waits until that is delivered.
func (l *roomFollower) deliveredSoFar() []journal.Entry {
	l.t.Helper()
	l.t.append(journal.Entry{Room: l.room, Kind: journal.Signal, Origin: "settled"})
	for n := 1; ; n++ {
		if delivered := l.wait(n); delivered[n-1].Origin == "settled" {
			return delivered[:n-1]
		}
	}
}
