package tester

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Pending is an append whose answer nobody has waited for yet.
type Pending struct {
	t       *T
	what    string
	answers chan answer
}

type answer struct {
	receipt journal.Receipt
	err     error
}

// Send appends an entry without waiting for the answer.
func (t *T) Send(e journal.Entry) Pending {
	t.Helper()
	return t.SendWithin(Background, e)
}

// SendWithin is Send with a context.
func (t *T) SendWithin(ctx context.Context, e journal.Entry) Pending {
	t.Helper()
	p := Pending{t, fmt.Sprintf("%s in %q by %q", e.Body, e.Room, e.From.ID), make(chan answer, 2)}
	t.J.Append(ctx, e, func(r journal.Receipt, err error) {
		select {
		case p.answers <- answer{r, err}:
		default:
			t.Errorf("append of %s: done was called again and again", p.what)
		}
	})
	return p
}

// Wait waits for the answer.
func (p Pending) Wait() (journal.Receipt, error) {
	p.t.Helper()
	select {
	case a := <-p.answers:
		return a.receipt, a.err
	case <-time.After(patience):
		p.t.Fatalf("append of %s: done was not called", p.what)
		return journal.Receipt{}, nil
	}
}

// Before waits for the receipt, and returns false if there is none before stop.
func (p Pending) Before(stop <-chan struct{}) (journal.Receipt, bool) {
	select {
	case a := <-p.answers:
		return a.receipt, a.err == nil
	case <-stop:
		return journal.Receipt{}, false
	}
}

// Answered returns the answer, which must be there already.
func (p Pending) Answered() (journal.Receipt, error) {
	p.t.Helper()
	select {
	case a := <-p.answers:
		return a.receipt, a.err
	default:
		p.t.Fatalf("append of %s: done has not been called", p.what)
		return journal.Receipt{}, nil
	}
}

// Must waits for the receipt. An error fails the test.
func (p Pending) Must() journal.Receipt {
	p.t.Helper()
	r, err := p.Wait()
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

// Append appends an entry and waits for its receipt.
func (t *T) Append(e journal.Entry) journal.Receipt {
	t.Helper()
	return t.Send(e).Must()
}

// Refused appends an entry that must get the error want, and checks that nothing is
// recorded and no record written.
func (t *T) Refused(what string, e journal.Entry, want error) {
	t.Helper()
	const proof = "proof of a refused entry"
	if len(e.With) == 0 && e.Kind.Recorded() {
		e = With(e, proof, "x")
	}
	before := t.Read(journal.Query{Room: e.Room})
	r, err := t.Send(e).Wait()
	if !errors.Is(err, want) {
		t.Errorf("%s: receipt %+v, error %v, want %v", what, r, err, want)
	}
	after := t.Read(journal.Query{Room: e.Room})
	if before.Last != after.Last || before.Count != after.Count || before.Epoch != after.Epoch {
		t.Errorf("%s: the room went on from %d to %d", what, before.Last, after.Last)
	}
	if r, err := t.J.Records().Get(Background, proof); err != nil || r.Value != nil {
		t.Errorf("%s: its record was written: %q, %v", what, r.Value, err)
	}
}

// AppendMany appends n messages to the room and waits for their receipts.
func (t *T) AppendMany(room string, n int) {
	t.Helper()
	var sent []Pending
	for i := range n {
		sent = append(sent, t.Send(Message(room, "u1", fmt.Sprintf(`"%d"`, i+1))))
	}
	for _, p := range sent {
		p.Must()
	}
}

// SendFromMany appends from several goroutines at once. The returned group is done
// when everything is answered.
func SendFromMany(t *T, room string, goroutines, each int) *sync.WaitGroup {
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			var sent []Pending
			for i := range each {
				sent = append(sent, t.Send(Message(room, fmt.Sprint(g), fmt.Sprint(i))))
			}
			for _, p := range sent {
				if _, err := p.Wait(); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	return &wg
}

// CheckDuplicate checks that again is the receipt first, marked as a duplicate.
func CheckDuplicate(t *T, first, again journal.Receipt) {
	t.Helper()
	first.Duplicate = true
	if again != first {
		t.Errorf("receipt %+v, want %+v", again, first)
	}
}

// Trim forgets the entries of a room below a number.
func (t *T) Trim(room string, below journal.Seq) {
	t.Helper()
	if err := t.J.Trim(Background, room, below); err != nil {
		t.Fatalf("Trim(%q, %d): %v", room, below, err)
	}
}

func (t *T) Find(room, user, key string) journal.Receipt {
	t.Helper()
	r, err := t.J.Find(Background, room, user, key)
	if err != nil {
		t.Fatalf("Find(%q, %q, %q): %v", room, user, key, err)
	}
	return r
}

// Restore restores entries and checks how many were new and how many known.
func (t *T) Restore(list []journal.Entry, recorded, known int) {
	t.Helper()
	r, k, err := t.J.(journal.Restorer).Restore(Background, list)
	if err != nil || r != recorded || k != known {
		t.Fatalf("Restore: %d recorded and %d known, %v; want %d and %d", r, k, err, recorded, known)
	}
}

// CheckAtOnce sends entries with one key to the room "room" from several goroutines,
// on these nodes in turn. One of them must be recorded, and all must get its receipt.
func CheckAtOnce(key string, nodes ...*T) {
	const n = 8
	t := nodes[0]
	t.Helper()
	receipts := make([]journal.Receipt, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			receipts[i], _ = nodes[i%len(nodes)].Send(Keyed("room", "u1", key, fmt.Sprint(i))).Wait()
		})
	}
	wg.Wait()
	originals := 0
	for i, r := range receipts {
		if r.Seq == 0 {
			t.Errorf("append %d of key %q got no receipt", i, key)
		} else if !r.Duplicate {
			originals++
			if e := t.Entry("room", r.Seq); string(e.Body) != fmt.Sprint(i) {
				t.Errorf("%d was recorded and the body is %s", i, e.Body)
			}
		}
		first := receipts[0]
		first.Duplicate = r.Duplicate
		if r != first {
			t.Errorf("receipts differ: %+v and %+v", r, first)
		}
	}
	if originals != 1 {
		t.Errorf("%d of %d were recorded", originals, n)
	}
}

// Must waits for the answers, of which none may be an error.
func Must(sent []Pending) {
	for _, p := range sent {
		p.Must()
	}
}
