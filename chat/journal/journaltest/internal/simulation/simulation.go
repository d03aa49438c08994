// Package simulation uses a journal and a model of it in the same random way, and
// compares them.
//
// # Files, lowest first
//
//	model.go       what a journal should contain, kept in the simplest way
//	simulation.go  the random use
package simulation

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

// steps is how many steps a simulation has.
const steps = 300

// Test runs the simulations that the journals allow: of one journal, with retention, of
// two nodes on one store.
func Test(t *testing.T, s *tester.Suite) {
	keepAll := func(string) int { return 0 }
	t.Run("of one journal", func(t *testing.T) { simulate(s, keepAll, s.Tester(t, s.Open(t))) })
	t.Run("with retention", func(t *testing.T) {
		if s.Retain == nil {
			t.Skip("no retention")
		}
		keep := func(room string) int { return map[string]int{"a": 25, "aa": 3}[room] }
		j := s.Retain(t, func(room string) journal.Retention { return journal.Retention{Count: keep(room)} })
		simulate(s, keep, s.Tester(t, j))
	})
	t.Run("of two nodes on one store", func(t *testing.T) {
		if s.Nodes == nil {
			t.Skip("one journal uses a store")
		}
		open := s.Nodes(t)
		simulate(s, keepAll, s.Tester(t, open(t)), s.Tester(t, open(t)))
	})
}

func simulate(s *tester.Suite, keep func(string) int, nodes ...*tester.T) {
	x := &simulation{T: nodes[0], nodes: nodes, random: s.Random(0), model: newModel(keep), rooms: slices.Clone(tester.SimilarRooms[:5])}
	x.feed, x.watcher = x.FeedBehind(make([]journal.Position, x.J.Parts())), x.Watch("p/")
	for step := range steps {
		x.step()
		if x.Failed() {
			x.Fatalf("at step %d", step)
		}
	}
	x.checkAll()
}

// simulation uses a journal and a model of it in the same random way, and compares
// them. One goroutine owns all of it.
type simulation struct {
	*tester.T // the first node
	nodes     []*tester.T
	random    *rand.Rand
	model     *model
	rooms     []string
	followers []*simulatedFollower
	feed      *tester.FeedReader
	watcher   *tester.Watcher
	changes   []string         // what the watcher should be told
	updated   journal.Position // of the newest Update
}

// sent is an appended entry and its answer, which may not have come yet.
type sent struct {
	entry  journal.Entry
	answer tester.Pending
}

// simulatedFollower is a follower, and what it should get: entries behind the number
// after, and then what is delivered.
type simulatedFollower struct {
	*tester.RoomFollower
	after, last journal.Seq
	from        int // index in modelRoom.delivered
}

func (x *simulation) step() {
	switch roll := x.random.IntN(100); {
	case roll < 35:
		x.appendInOrder()
	case roll < 50:
		x.appendAtOnce()
	case roll < 65:
		x.compareRoom(x.room())
	case roll < 75:
		x.changeRecord()
	case roll < 80:
		x.startFollowing()
	case roll < 84:
		x.stopFollowing()
	case roll < 89:
		x.feed.Read()
	case roll < 94:
		x.trim()
	case roll < 95:
		x.restore()
	case roll < 97:
		x.reopen()
	}
}

func (x *simulation) room() string    { return x.rooms[x.random.IntN(len(x.rooms))] }
func (x *simulation) node() *tester.T { return x.nodes[x.random.IntN(len(x.nodes))] }

// appendInOrder appends entries on one node without waiting, and compares their
// answers one by one.
func (x *simulation) appendInOrder() {
	node := x.node()
	var list []sent
	for range 1 + x.random.IntN(15) {
		e := x.entry(x.room())
		if x.random.IntN(8) == 0 {
			e = journal.Entry{Room: e.Room, Kind: journal.Signal, From: e.From, Body: e.Body, Origin: journal.Origin{Node: node.J.Nodes().Self().ID}}
		}
		list = append(list, sent{e, node.Send(e)})
	}
	for _, s := range list {
		r, err := s.answer.Wait()
		if err := x.model.answer(s.entry, r, err); err != nil {
			x.Fatalf("%+v: %v", s.entry, err)
		}
	}
	x.enforce()
}

// appendAtOnce appends from several goroutines, on all nodes. The numbers that the
// entries get are the order in which the model gets them.
func (x *simulation) appendAtOnce() {
	const writers = 3
	var lists [writers][]sent
	var wg sync.WaitGroup
	before, room := map[string]journal.Seq{}, x.room() // most of them in one room
	for w := range writers {
		node := x.node()
		for range 1 + x.random.IntN(8) {
			lists[w] = append(lists[w], sent{entry: x.entry(room)})
		}
		if x.random.IntN(2) == 0 {
			lists[w][0].entry = x.entry(x.room())
		}
		for i := range lists[w] {
			s := &lists[w][i]
			s.entry.Via = fmt.Sprint("writer ", w)
			before[s.entry.Room] = x.model.room(s.entry.Room).last()
		}
		wg.Go(func() {
			for i := range lists[w] {
				lists[w][i].answer = node.Send(lists[w][i].entry)
			}
		})
	}
	x.feed.Read()
	wg.Wait()
	x.compareAnswers(slices.Concat(lists[:]...), before)
	x.enforce()
}

// compareAnswers gives the model what was recorded, in the order of the numbers, and
// asks then whether the other answers can be right. before are the numbers at which
// the rooms were.
func (x *simulation) compareAnswers(list []sent, before map[string]journal.Seq) {
	type recorded struct {
		entry   journal.Entry
		receipt journal.Receipt
	}
	var order []recorded
	var others []func() error
	newest := map[string]journal.Seq{}
	for _, s := range list {
		r, err := s.answer.Wait()
		if err == nil && !r.Duplicate {
			order = append(order, recorded{s.entry, r})
			writer := fmt.Sprint(s.entry.Room, " ", s.entry.Via)
			if r.Seq <= newest[writer] {
				x.Fatalf("%+v got the number %d behind %d", s.entry, r.Seq, newest[writer])
			}
			newest[writer] = r.Seq
			continue
		}
		others = append(others, func() error {
			e, room := s.entry, x.model.room(s.entry.Room)
			first, known := room.keys[claim(&e)]
			switch {
			case err == nil && known && e.Key != "":
				return x.model.checkDuplicate(&e, r, first)
			case errors.Is(err, journal.ErrStale) && e.Since > 0 && room.state >= e.Since:
				return nil
			case errors.Is(err, journal.ErrNoTarget) && e.Kind == journal.Edit && (e.Target > before[e.Room] || e.Target < x.model.oldest(e.Room) || room.message(e.Target) == nil):
				return nil
			}
			return fmt.Errorf("answer %+v, %v", r, err)
		})
	}
	slices.SortStableFunc(order, func(a, b recorded) int { return int(a.receipt.Seq) - int(b.receipt.Seq) })
	for _, o := range order {
		if err := x.model.answer(o.entry, o.receipt, nil); err != nil {
			x.Fatalf("%+v: %v", o.entry, err)
		}
	}
	for _, right := range others {
		if err := right(); err != nil {
			x.Fatal(err)
		}
	}
}

// entry returns a random entry of a recorded kind.
func (x *simulation) entry(room string) journal.Entry {
	r := x.model.room(room)
	e := tester.Message(room, fmt.Sprint("u", x.random.IntN(3)), fmt.Sprint(x.random.Uint32()))
	target := 1 + journal.Seq(x.random.IntN(4+len(r.entries)))
	switch roll := x.random.IntN(20); {
	case roll < 3:
		e.Kind, e.Body, e.Target = journal.Recall, nil, target
	case roll < 7:
		e.Kind, e.Target = journal.Edit, target
	case roll < 8:
		e.Kind, e.Target = journal.Tag, target
	case roll < 9:
		e.Kind = []journal.Kind{journal.Member, journal.Info, journal.Event}[x.random.IntN(3)]
	case roll < 11:
		e.Kind = journal.Notice
	case roll < 13:
		e.Text, e.Mentions = true, []string{"u1", "u2"}
	}
	if x.random.IntN(2) == 0 {
		e.Key = fmt.Sprint("k", x.random.IntN(200))
	}
	if x.random.IntN(3) == 0 {
		e.Since = r.state + journal.Seq(x.random.IntN(3))
	}
	if x.random.IntN(3) == 0 {
		e = tester.With(e, fmt.Sprintf("w/%s/%d", strings.ToValidUTF8(room, "?"), x.random.IntN(5)), []any{fmt.Sprint(x.random.Uint32()), "", nil}[x.random.IntN(3)])
	}
	e.Quiet = x.random.IntN(4) == 0
	return e
}

// enforce has retention remove what it may, in the journal and the model.
func (x *simulation) enforce() {
	x.Enforce()
	for _, room := range x.rooms {
		x.model.trim(room, 0)
	}
}

func (x *simulation) trim() {
	room := x.room()
	below := journal.Seq(x.random.IntN(3 + len(x.model.room(room).entries)/2))
	x.node().Trim(room, below)
	x.model.trim(room, below)
}

// compareRoom compares a page and the head of a room with the model.
func (x *simulation) compareRoom(name string) {
	node, r, kept := x.node(), x.model.room(name), x.model.kept(name)
	node.CheckRoom(name)
	if h := node.Head(name); h.Last != r.last() || h.First != r.first && r.last() > 0 || h.State != r.state {
		x.Fatalf("room %q goes from %d to %d, want %d to %d: %+v", name, h.First, h.Last, r.first, r.last(), h)
	}
	if len(kept) == 0 {
		return
	}
	at := journal.Seq(x.random.IntN(len(r.entries) + 3))
	q := journal.Query{Room: name, Limit: x.random.IntN(60), Bytes: x.random.IntN(2) * x.random.IntN(5000)}
	switch x.random.IntN(3) {
	case 0:
		q.After = at
	case 1:
		q.Before, q.Backward = at, true
	case 2:
		q.Backward = true
	}
	tester.CheckPage(node, q, kept)
}

func (x *simulation) changeRecord() {
	node, key := x.node(), fmt.Sprint("p/", x.random.IntN(20))
	r := journal.Record{Key: key, Value: fmt.Append(nil, x.random.Uint32())}
	switch x.random.IntN(4) {
	case 0:
		node.Put(key, r.Value)
	case 1:
		r.Value = nil
		if x.model.records[key].Value == nil {
			return // whether a watcher is told of that is the journal's affair
		}
		node.Put(key, nil)
	default:
		node.Update(key, func(old []byte) []byte {
			r.Value = append(slices.Clone(old), 'x')
			return r.Value
		})
		r.Stamp = node.Records(key)[0].Stamp
		if r.Stamp.Position <= x.updated {
			x.Fatalf("an update has the stamp %+v, behind %d", r.Stamp, x.updated)
		}
		x.updated = r.Stamp.Position
	}
	if x.model.records[key] = r; r.Value == nil {
		delete(x.model.records, key)
	}
	x.changes = append(x.changes, tester.Changes([]journal.Record{r})...)
}

func (x *simulation) startFollowing() {
	name := x.room()
	r := x.model.room(name)
	f := &simulatedFollower{x.node().NewFollower(name), journal.Newest, r.last(), len(r.delivered)}
	if x.random.IntN(2) == 0 && x.model.keep(name) == 0 {
		f.after = journal.Seq(x.random.IntN(len(r.entries) + 1))
	}
	f.Begin(f.after)
	if f.Start.Last != f.last {
		x.Fatalf("Follow of %q: %+v, want %d", name, f.Start, f.last)
	}
	// What is trimmed or erased meanwhile would not be delivered as it is now.
	if f.after < f.last {
		f.Until(tester.UpTo(f.last))
	}
	x.followers = append(x.followers, f)
}

// stopFollowing checks what was delivered to a follower, and stops it.
func (x *simulation) stopFollowing() {
	if len(x.followers) == 0 {
		return
	}
	f := x.followers[0]
	x.followers = x.followers[1:]
	r := x.model.room(f.Room)
	n, want := 0, r.delivered[f.from:]
	f.Until(func(got []journal.Entry) bool {
		n = 0
		for n < len(got) && f.after < f.last && got[n].Kind.Recorded() && got[n].Seq <= f.last {
			n++
		}
		return len(got) >= n+len(want)
	})
	f.Stop()
	got := f.Wait(0)
	if len(got) != n+len(want) {
		x.Fatalf("%q: %d were delivered, want %d", f.Room, len(got), n+len(want))
	}
	x.checkDelivered(f.Room, got[n:], want)
	if n > 0 {
		x.CheckNumbers(got[:n], got[n-1].Seq+1-journal.Seq(n))
	}
}

// checkDelivered compares what was delivered. On several nodes, the transient entries of a node
// have one order, and the recorded ones another; and one that is read late from the store is
// shown as it is there.
func (x *simulation) checkDelivered(room string, got, want []journal.Entry) {
	if len(x.nodes) == 1 {
		for i := range want {
			x.CheckSame("delivered", got[i], want[i])
		}
		return
	}
	now := x.model.kept(room)
	gotOf, wantOf := byOrder(got), byOrder(want)
	for order, list := range wantOf {
		if len(gotOf[order]) != len(list) {
			x.Fatalf("%q: %d were delivered of %q, want %d", room, len(gotOf[order]), order, len(list))
		}
		for i, e := range gotOf[order] {
			if e.Kind.Recorded() && e.Seq >= x.model.room(room).first && e.Seq <= x.model.room(room).last() && tester.Same(e, now[e.Seq-x.model.room(room).first]) {
				continue
			}
			x.CheckSame("delivered", e, list[i])
		}
	}
}

// byOrder are entries by what they have one order with: "" of those that are recorded, else the node.
func byOrder(list []journal.Entry) map[string][]journal.Entry {
	m := map[string][]journal.Entry{}
	for _, e := range list {
		order := e.Origin.Node
		if e.Kind.Recorded() {
			order = ""
		}
		m[order] = append(m[order], e)
	}
	return m
}

// restore copies a room as an import does.
func (x *simulation) restore() {
	_, ok := x.J.(journal.Restorer)
	list := x.All(x.rooms[0])
	if !ok || len(x.rooms) > 7 || len(list) == 0 {
		return
	}
	name := fmt.Sprint("copy ", len(x.rooms))
	for i := range list {
		list[i].Room = name
	}
	x.Restore(list, len(list), 0)
	x.Restore(list, 0, len(list))
	x.CheckRoom(name)
	r := x.model.room(name)
	r.first = list[0].Seq
	r.entries = make([]journal.Entry, r.first-1)
	for i, e := range x.All(name) {
		list[i].Count, list[i].Position = 0, 0 // the copy has its own
		x.CheckSame("restored", e, list[i])
		if r.entries = append(r.entries, e); e.Kind.Governs() {
			r.state = e.Seq
		}
		if e.Key != "" {
			r.keys[claim(&e)] = journal.Receipt{Epoch: x.Head(name).Epoch, Seq: e.Seq, At: e.At, Count: e.Count, Position: e.Position}
		}
	}
	x.rooms = append(x.rooms, name)
}

// reopen opens the store again, as after a crash if the journal survives one.
func (x *simulation) reopen() {
	open := []func(*testing.T, journal.Journal) journal.Journal{x.Suite.Reopen, x.Suite.Crash}[x.random.IntN(2)]
	if open == nil || len(x.nodes) > 1 {
		return
	}
	x.endFollowing()
	x.J = open(x.T.T, x.J)
	x.watcher, x.changes = x.Watch("p/"), nil
	for _, key := range slices.Sorted(maps.Keys(x.model.records)) {
		if r := x.model.records[key]; strings.HasPrefix(key, "p/") {
			x.changes = append(x.changes, tester.Changes([]journal.Record{r})...)
		}
	}
}

// endFollowing checks what followers and the watcher were told, and stops them.
func (x *simulation) endFollowing() {
	for len(x.followers) > 0 {
		x.stopFollowing()
	}
	got := tester.Changes(x.watcher.Wait(len(x.changes)))
	if x.watcher.Stop(); !slices.Equal(got, x.changes) {
		x.Fatalf("a watcher was told\n%q\nwant\n%q", got, x.changes)
	}
}

// checkAll compares everything in the journal with the model.
func (x *simulation) checkAll() {
	x.endFollowing()
	x.feed.Read()
	seen := x.feed.Seen()
	for _, name := range x.rooms {
		x.compareRoom(name)
		got, want := x.All(name), x.model.kept(name)
		if len(got) != len(want) {
			x.Fatalf("room %q: %d entries, want %d", name, len(got), len(want))
		}
		for i := range got {
			x.CheckSame("in the end", got[i], want[i])
		}
		for i, e := range x.model.room(name).entries {
			if n := seen[fmt.Sprint(name, " ", i+1)]; n != 1 && e.Kind != 0 || n != 0 && e.Kind == 0 {
				x.Fatalf("entry %d of %q was %d times in the feed", i+1, name, n)
			}
		}
	}
	for _, m := range x.feed.Missing {
		if m.To >= x.model.room(m.Room).first {
			x.Fatalf("in the feed %+v are missing, %d is kept", m, x.model.room(m.Room).first)
		}
	}
	x.CheckFeed(x.rooms[:5]...)
	keys := slices.Sorted(maps.Keys(x.model.records))
	var want []journal.Record
	for _, key := range keys {
		want = append(want, x.model.records[key])
	}
	x.CheckRecords(keys, want...)
	if found := x.Scan(""); len(found) != len(keys) {
		x.Errorf("%d records, want %d", len(found), len(keys))
	}
}
