package journaltest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// simulationSteps is how many things a simulation does.
const simulationSteps = 1500

func testSimulation(t *testing.T, s *suite) {
	x := &simulation{tester: s.tester(t, s.open(t)), random: s.random(t), model: newModel()}
	for step := range simulationSteps {
		x.step(step)
		if t.Failed() {
			t.Fatalf("at step %d", step)
		}
	}
	x.checkAll()
}

// simulation does random things to a journal and to a model of it, and compares.
type simulation struct {
	*tester
	random *rand.Rand
	model  *model
	sent   []sent // not yet compared
	heard  []*simulatedListener
}

// sent is an entry handed in, and its answer to come.
type sent struct {
	entry  journal.Entry
	answer pending
}

// simulatedListener is a listener and how much its room had heard before it.
type simulatedListener struct {
	*listener
	from int
}

func (x *simulation) step(n int) {
	switch roll := x.random.IntN(100); {
	case roll < 60:
		x.send()
	case roll < 75:
		x.settle()
		x.compareRead()
	case roll < 82:
		x.putRecord()
	case roll < 86:
		x.settle()
		x.startFollowing()
	case roll < 89:
		x.settle()
		x.stopFollowing()
	case roll < 90 && x.suite.reopen != nil && n%10 == 0:
		x.settle()
		x.reopen()
	}
}

func (x *simulation) room() string { return nastyRooms[x.random.IntN(6)] }

// send hands in one to five entries without waiting.
func (x *simulation) send() {
	for range 1 + x.random.IntN(5) {
		e := x.entry()
		x.sent = append(x.sent, sent{e, x.tester.send(e)})
	}
}

func (x *simulation) entry() journal.Entry {
	e := message(x.room(), fmt.Sprint("u", x.random.IntN(3)), fmt.Sprint(x.random.Uint32()))
	switch roll := x.random.IntN(20); {
	case roll < 9:
		e.Key = fmt.Sprint("k", x.random.IntN(200))
	case roll < 12:
		e.Kind, e.Body = journal.Recall, nil
		e.Target = journal.Seq(x.random.IntN(3 + len(x.model.room(e.Room).entries)))
	case roll < 14:
		e.Kind = journal.Signal
	case roll < 15:
		e.Kind = journal.Notice
	case roll < 17:
		e.Text = true
	}
	return e
}

// settle compares the answers to all that was sent.
func (x *simulation) settle() {
	for _, s := range x.sent {
		if err := x.model.append(s.entry, s.answer.must()); err != nil {
			x.Errorf("%+v: %v", s.entry, err)
		}
	}
	x.sent = x.sent[:0]
}

func (x *simulation) compareRead() {
	name := x.room()
	entries := x.model.room(name).entries
	if len(entries) == 0 {
		return
	}
	at := journal.Seq(x.random.IntN(len(entries) + 3))
	q := journal.Query{Room: name, Limit: 1 + x.random.IntN(60)}
	switch x.random.IntN(3) {
	case 0:
		q.After = at
	case 1:
		q.Before, q.Backward = at, true
	case 2:
		q.Backward = true
	}
	checkPage(x.tester, q, entries)
}

func (x *simulation) putRecord() {
	key := fmt.Sprint(x.random.IntN(20))
	if x.random.IntN(4) == 0 {
		x.put(key, nil)
		delete(x.model.records, key)
	} else {
		value := fmt.Sprint(x.random.Uint32())
		x.put(key, []byte(value))
		x.model.records[key] = value
	}
}

func (x *simulation) startFollowing() {
	name := x.room()
	x.heard = append(x.heard, &simulatedListener{x.follow(name), len(x.model.room(name).heard)})
}

// stopFollowing checks what a listener has heard, and stops it.
func (x *simulation) stopFollowing() {
	if len(x.heard) == 0 {
		return
	}
	l := x.heard[0]
	x.heard = x.heard[1:]
	want := x.model.room(l.room).heard[l.from:]
	l.wait(len(want))
	l.stop()
	got := l.wait(0)
	if len(got) != len(want) {
		x.Fatalf("a follower of %q heard %d, want %d", l.room, len(got), len(want))
	}
	for i := range want {
		if got[i].Kind == journal.Message && want[i].Recalled {
			continue // the model knows only that it was recalled later
		}
		x.checkSame("heard", got[i], want[i])
	}
}

func (x *simulation) reopen() {
	for len(x.heard) > 0 {
		x.stopFollowing()
	}
	x.again()
}

// checkAll compares everything.
func (x *simulation) checkAll() {
	x.settle()
	for len(x.heard) > 0 {
		x.stopFollowing()
	}
	for name, r := range x.model.rooms {
		got := x.all(name)
		if len(got) != len(r.entries) {
			x.Fatalf("room %q: %d entries, want %d", name, len(got), len(r.entries))
		}
		for i := range got {
			x.checkSame("in the end", got[i], r.entries[i])
		}
	}
	found := x.scan("")
	if len(found) != len(x.model.records) {
		x.Errorf("%d records, want %d", len(found), len(x.model.records))
	}
	for key, want := range x.model.records {
		x.checkRecord(key, want)
	}
}
