package journaltest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// patience is how long the suite waits for an event before the test fails.
const patience = time.Minute

// tester is a subtest and its journal.
type tester struct {
	*testing.T
	suite *suite
	j     journal.Journal
}

// each runs a subtest with a journal of its own.
func (s *suite) each(t *testing.T, name string, test func(t *tester)) {
	t.Run(name, func(t *testing.T) { test(s.tester(t, s.open(t))) })
}

// tester returns a tester for j, which it closes at the end of the test.
func (s *suite) tester(t *testing.T, j journal.Journal) *tester {
	x := &tester{T: t, suite: s, j: j}
	t.Cleanup(func() {
		if err := x.j.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return x
}

// message returns a message without a key.
func message(room, user, body string) journal.Entry {
	return journal.Entry{
		Room: room,
		Kind: journal.Message,
		From: journal.User{ID: user, Name: "Name of " + user},
		Body: []byte(body),
	}
}

// keyed returns a message with a key.
func keyed(room, user, key, body string) journal.Entry {
	e := message(room, user, body)
	e.Key = key
	return e
}

func recall(room, user string, target journal.Seq) journal.Entry {
	return journal.Entry{Room: room, Kind: journal.Recall, From: journal.User{ID: user}, Target: target}
}

// pending is an append whose answer nobody has waited for yet.
type pending struct {
	t       *tester
	what    string
	answers chan answer
}

type answer struct {
	receipt journal.Receipt
	err     error
}

// send appends an entry without waiting for the answer.
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

// answered returns the answer, which must be there already.
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

// must waits for the receipt. An error fails the test.
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

// append appends an entry and waits for its receipt.
func (t *tester) append(e journal.Entry) journal.Receipt {
	t.Helper()
	return t.send(e).must()
}

// appendMany appends n messages to the room and waits for their receipts.
func (t *tester) appendMany(room string, n int) {
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

// all returns all entries that are kept of the room, read page by page.
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

// checkSame checks that two entries are equal, except for Origin.
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

// similarRooms are names that a careless store confuses.
var similarRooms = []string{
	"a", "aa", "aaa", "ab", "b", "A", " ", "  ", "a ", " a", "a/b", "a/", "/", "..", "a.b", "*", "%00", "0", "00", "1", "01",
	"\x01", "\x7f", "a\x01", "é", "e\u0301", "你", "你好", "😀", "\u200b", "\uffff", "\U0010ffff", "\xff", "\xff\xff", "a\xff", "\x80",
	strings.Repeat("x", 127), strings.Repeat("x", 128), strings.Repeat("x", 127) + "y", strings.Repeat("😀", 32),
	strings.Repeat("\xff", 128), strings.Repeat("\xff", 127),
}
