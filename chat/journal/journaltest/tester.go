package journaltest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// patience is how long anything may take before it counts as never.
const patience = time.Minute

// tester is a test with a journal.
type tester struct {
	*testing.T
	suite *suite
	j     journal.Journal
}

// message is something a user says; without a key it may be said again.
func message(room, user, body string) journal.Entry {
	return journal.Entry{
		Room: room,
		Kind: journal.Message,
		From: journal.User{ID: user, Name: "Name of " + user},
		Body: []byte(body),
	}
}

// keyed is a message with a key.
func keyed(room, user, key, body string) journal.Entry {
	e := message(room, user, body)
	e.Key = key
	return e
}

func recall(room, user string, target journal.Seq) journal.Entry {
	return journal.Entry{Room: room, Kind: journal.Recall, From: journal.User{ID: user}, Target: target}
}

// pending is an append that has not been answered yet, as far as we know.
type pending struct {
	t       *tester
	what    string
	answers chan answer
}

type answer struct {
	receipt journal.Receipt
	err     error
}

// send hands an entry in without waiting.
func (t *tester) send(e journal.Entry) pending {
	t.Helper()
	p := pending{t, fmt.Sprintf("%s in %q by %q", e.Body, e.Room, e.From.ID), make(chan answer, 2)}
	t.j.Append(e, func(r journal.Receipt, err error) {
		select {
		case p.answers <- answer{r, err}:
		default:
			t.Errorf("append of %s: done was called again and again", p.what)
		}
	})
	return p
}

// wait waits for the answer.
func (p pending) wait() (journal.Receipt, error) {
	p.t.Helper()
	select {
	case a := <-p.answers:
		return a.receipt, a.err
	case <-time.After(patience):
		p.t.Fatalf("append of %s: done was not called", p.what)
		return journal.Receipt{}, nil
	}
}

// answered returns the answer that must have come by now.
func (p pending) answered() (journal.Receipt, error) {
	p.t.Helper()
	select {
	case a := <-p.answers:
		return a.receipt, a.err
	default:
		p.t.Fatalf("append of %s: done has not been called", p.what)
		return journal.Receipt{}, nil
	}
}

// must waits for the answer, which must not be an error.
func (p pending) must() journal.Receipt {
	p.t.Helper()
	r, err := p.wait()
	if err != nil {
		p.t.Fatalf("append of %s: %v", p.what, err)
	}
	select {
	case <-p.answers:
		p.t.Errorf("append of %s: done was called twice", p.what)
	default:
	}
	return r
}

// append hands an entry in and waits for its receipt.
func (t *tester) append(e journal.Entry) journal.Receipt {
	t.Helper()
	return t.send(e).must()
}

// say appends n messages to the room, and waits for the last.
func (t *tester) say(room string, n int) {
	t.Helper()
	var sent []pending
	for i := range n {
		sent = append(sent, t.send(message(room, "u1", fmt.Sprintf(`"%d"`, i+1))))
	}
	for _, p := range sent {
		p.must()
	}
}

func (t *tester) read(q journal.Query) journal.Page {
	t.Helper()
	page, err := t.j.Read(context.Background(), q)
	if err != nil {
		t.Fatalf("Read(%+v): %v", q, err)
	}
	return page
}

// all returns all that is kept of the room, page by page.
func (t *tester) all(room string) []journal.Entry {
	t.Helper()
	var entries []journal.Entry
	q := journal.Query{Room: room, Limit: 100}
	for {
		page := t.read(q)
		entries = append(entries, page.Entries...)
		if !page.More {
			return entries
		}
		if len(page.Entries) == 0 {
			t.Fatalf("Read(%+v): no entries, and more of them", q)
		}
		q.After = page.Entries[len(page.Entries)-1].Seq
	}
}

// newest returns the newest entry of a room.
func (t *tester) newest(room string) journal.Entry {
	t.Helper()
	page := t.read(journal.Query{Room: room, Backward: true, Limit: 1})
	if len(page.Entries) != 1 {
		t.Fatalf("Read of the newest: %d entries", len(page.Entries))
	}
	return page.Entries[0]
}

// entry returns one entry of a room.
func (t *tester) entry(room string, seq journal.Seq) journal.Entry {
	t.Helper()
	page := t.read(journal.Query{Room: room, After: seq - 1, Limit: 1})
	if len(page.Entries) != 1 || page.Entries[0].Seq != seq {
		t.Fatalf("Read of %d: %d entries", seq, len(page.Entries))
	}
	return page.Entries[0]
}

// checkNumbers checks that entries are numbered from first without holes.
func (t *tester) checkNumbers(entries []journal.Entry, first journal.Seq) {
	t.Helper()
	for i, e := range entries {
		if e.Seq != first+journal.Seq(i) {
			t.Fatalf("entry %d is numbered %d, want %d", i, e.Seq, first+journal.Seq(i))
		}
		if i > 0 && e.At < entries[i-1].At {
			t.Fatalf("entry %d: At %d is before %d, that of the one before", e.Seq, e.At, entries[i-1].At)
		}
	}
}

// checkSame checks that two entries say the same, but for Origin.
func (t *tester) checkSame(what string, got, want journal.Entry) {
	t.Helper()
	if why := difference(got, want); why != "" {
		t.Fatalf("%s: %s\n got %+v\nwant %+v", what, why, got, want)
	}
}

// difference names a field in which the entries differ.
func difference(a, b journal.Entry) string {
	switch {
	case a.Room != b.Room:
		return "Room"
	case a.Kind != b.Kind:
		return "Kind"
	case a.From != b.From:
		return "From"
	case a.Key != b.Key:
		return "Key"
	case a.Target != b.Target:
		return "Target"
	case !bytes.Equal(a.Body, b.Body):
		return "Body"
	case a.Text != b.Text:
		return "Text"
	case a.Seq != b.Seq:
		return "Seq"
	case a.At != b.At:
		return "At"
	case a.Recalled != b.Recalled:
		return "Recalled"
	}
	return ""
}

// listener follows a room.
type listener struct {
	t    *tester
	room string
	stop func()

	mu      sync.Mutex // guards the rest
	heard   []journal.Entry
	calling bool
	stopped bool
	more    chan struct{} // closed when something is heard
}

// follow follows a room until the test's end, and checks every call.
func (t *tester) follow(room string) *listener {
	t.Helper()
	l := &listener{t: t, room: room, more: make(chan struct{})}
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

func (l *listener) deliver(e journal.Entry) {
	l.begin(e)
	// To read is allowed here, and must show what is delivered.
	if e.Kind.Recorded() {
		l.checkDurable(e)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calling = false
}

func (l *listener) begin(e journal.Entry) {
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
	l.heard = append(l.heard, e)
	close(l.more)
	l.more = make(chan struct{})
}

func (l *listener) checkDurable(e journal.Entry) {
	page, err := l.t.j.Read(context.Background(), journal.Query{Room: e.Room, After: e.Seq - 1, Limit: 1})
	switch {
	case err == journal.ErrClosed: // while it closes
	case err != nil:
		l.t.Errorf("Read while %d was delivered: %v", e.Seq, err)
	case page.Last < e.Seq:
		l.t.Errorf("%d was delivered when the last one to be read was %d", e.Seq, page.Last)
	}
}

// wait returns what has been heard once that is n entries.
func (l *listener) wait(n int) []journal.Entry {
	l.t.Helper()
	deadline := time.After(patience)
	for {
		l.mu.Lock()
		heard, more := l.heard, l.more
		l.mu.Unlock()
		if len(heard) >= n {
			return heard
		}
		select {
		case <-more:
		case <-deadline:
			l.t.Fatalf("%d entries were delivered, want %d", len(heard), n)
		}
	}
}

// settled returns all that is delivered of what has been appended before: an
// entry appended now would come after it.
func (l *listener) settled() []journal.Entry {
	l.t.Helper()
	l.t.append(journal.Entry{Room: l.room, Kind: journal.Signal, Origin: "settled"})
	for n := 1; ; n++ {
		if heard := l.wait(n); heard[n-1].Origin == "settled" {
			return heard[:n-1]
		}
	}
}
