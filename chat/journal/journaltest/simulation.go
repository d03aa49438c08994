package journaltest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// simulationSteps is how many steps the simulation has.
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

// simulation uses a journal and a model of it in the same random way, and compares
// them.
type simulation struct {
	*tester
	random    *rand.Rand
	model     *model
	sent      []sent // not compared with the model yet
	followers []*simulatedFollower
}

// sent is an appended entry and its answer, which may not have come yet.
type sent struct {
	entry  journal.Entry
	answer pending
}

// simulatedFollower is a follower, and how many entries of its room were delivered before it began.
type simulatedFollower struct {
	*roomFollower
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

func (x *simulation) room() string { return similarRooms[x.random.IntN(6)] }

// send appends one to five entries without waiting.
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

// settle waits for the answers to all that was sent, and gives them to the model.
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
	x.followers = append(x.followers, &simulatedFollower{x.follow(name), len(x.model.room(name).delivered)})
}

// stopFollowing checks what was delivered to a follower, and stops it.
func (x *simulation) stopFollowing() {
	if len(x.followers) == 0 {
		return
	}
	l := x.followers[0]
	x.followers = x.followers[1:]
	want := x.model.room(l.room).delivered[l.from:]
	l.wait(len(want))
	l.stop()
	got := l.wait(0)
	if len(got) != len(want) {
		x.Fatalf("%q: %d were delivered, want %d", l.room, len(got), len(want))
	}
	for i := range want {
		x.checkSame("delivered", got[i], want[i])
	}
}

func (x *simulation) reopen() {
	for len(x.followers) > 0 {
		x.stopFollowing()
	}
	x.reopenJournal()
}

// checkAll compares everything in the journal with the model.
func (x *simulation) checkAll() {
	x.settle()
	for len(x.followers) > 0 {
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
