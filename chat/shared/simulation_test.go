package shared_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
	"github.com/caddychat/caddy-chat/chat/shared/internal/fake"
)

var (
	seeds     = flag.Int("seeds", 200, "how many simulations to run")
	firstSeed = flag.Uint64("first-seed", 1, "the seed of the first simulation")
)

// TestSimulation has writers, readers and a feed on three nodes of one store, of which each may fail
// in every way at any time, and compares in the end what everybody was told with what is there.
//
// Goroutines of a simulation seldom run at the same time: they wait for each other, or for fake time.
// So all but every tenth have one processor, where the scheduler takes a third of the work.
func TestSimulation(t *testing.T) {
	all := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(all)
	seeds := *seeds
	if testing.Short() {
		seeds = min(seeds, 100)
	}
	told := time.Now()
	for n := range seeds {
		seed := *firstSeed + uint64(n)
		if seed%10 == 0 {
			runtime.GOMAXPROCS(all)
		} else {
			runtime.GOMAXPROCS(1)
		}
		for _, k := range []kind{stays, moves, rollsBack} {
			if k != stays && n%4 > 0 { // what may happen in all kinds is tried more often
				continue
			}
			if err := simulate(t, seed, k, honest); err != nil {
				t.Fatalf("-first-seed %d: the store %s: %v", seed, k, err)
			}
		}
		if time.Since(told) > 30*time.Second {
			told = time.Now()
			fmt.Printf("%d of %d simulations\n", n+1, seeds)
		}
	}
}

// kind says what happens to the store.
type kind string

const (
	stays     kind = "stays where it is"
	moves     kind = "moves to servers that have all that was acknowledged"
	rollsBack kind = "moves to servers that lack what was recorded last"
)

// world is one simulation. Its nodes come and go; what was sent is known.
type world struct {
	store *fake.Store
	kind  kind                              // fixed
	wrap  func(shared.Engine) shared.Engine // fixed
	work  sync.WaitGroup                    // goroutines that end with quiet, and nodes that close

	mu     sync.Mutex // guards the rest
	random *rand.Rand
	nodes  []*simNode
	quiet  bool // nothing fails any more
	err    error
	sent   map[string]*sending // by key
	shown  map[place]string    // the key of each entry that somebody was told of
	sum    int                 // what the counter has at least
	unsure int                 // and how much more at most
}

type simNode struct {
	*shared.Journal
	engine *fake.Engine
	gone   chan struct{} // closed before the journal is closed
}

// sending is a message, and what is known of it.
type sending struct {
	room, user, key, body string
	once                  bool        // it is not sent again
	seq                   journal.Seq // of its receipt
	epoch                 string      // of its receipt
	safe                  bool        // it was there at the moment that the store was rolled back to
	refused               bool        // with an error that says that it is not recorded
	changed               map[string]bool
	recalled              bool
}

// honest leaves an engine as it is.
func honest(e shared.Engine) shared.Engine { return e }

// simulate returns what was wrong. Time is not real in it.
func simulate(t *testing.T, seed uint64, k kind, wrap func(shared.Engine) shared.Engine) (err error) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{store: fake.NewStore(), kind: k, wrap: wrap, random: rand.New(rand.NewPCG(seed, 1)), sent: map[string]*sending{}, shown: map[place]string{}}
		w.store.SetLossless(k != rollsBack)
		for range 3 {
			w.nodes = append(w.nodes, w.openNode())
		}
		var writers sync.WaitGroup
		for i := range 4 {
			writers.Go(func() { w.write(fmt.Sprint("u", i)) })
		}
		var readers []*reader
		for i := range 5 {
			r := &reader{world: w, room: rooms[i%len(rooms)]}
			readers = append(readers, r)
			w.work.Go(r.run)
		}
		var feeds []*feedReader
		for part := range fake.Parts {
			f := &feedReader{world: w, part: part}
			feeds = append(feeds, f)
			w.work.Go(f.run)
		}
		watcher := &recordWatcher{world: w}
		w.work.Go(watcher.run)
		w.disturb()
		writers.Wait()
		w.calm()
		w.check(readers, feeds, watcher)
		w.end()
		w.work.Wait()
		err = w.err
	})
	return err
}

var rooms = []string{"a", "b", "c"}

func (w *world) openNode() *simNode {
	for {
		e := w.store.Open(w.n64())
		e.Set(w.faults())
		j, err := shared.Open(context.Background(), w.wrap(e), shared.Options{})
		if err == nil {
			return &simNode{j, e, make(chan struct{})}
		}
		e.Die()
	}
}

func (w *world) faults() (f fake.Faults) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.quiet {
		return f
	}
	often := func() float64 { return []float64{0, 0, 0.02, 0.3}[w.random.IntN(4)] }
	return fake.Faults{
		Refuse: often(), Lose: often(), LoseAnswer: often(), Fail: often() / 3, Slow: []time.Duration{0, time.Millisecond, 3 * time.Second}[w.random.IntN(3)],
		DropHint: often(), DoubleHint: often(), LateHint: often(), Deaf: often() / 5,
	}
}

func (w *world) n(below int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.IntN(below)
}

func (w *world) n64() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.Uint64()
}

func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *world) node() *simNode {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nodes[w.random.IntN(len(w.nodes))]
}

// replace ends a node, which may have time for it or not, and opens another one.
func (w *world) replace(i int, killed bool) {
	w.mu.Lock()
	old := w.nodes[i]
	w.mu.Unlock()
	fresh := w.openNode()
	w.mu.Lock()
	w.nodes[i] = fresh
	w.mu.Unlock()
	close(old.gone)
	if killed {
		old.engine.Die()
	}
	w.work.Go(func() {
		began := time.Now()
		old.Close()
		// 5 seconds, and 2 in which it says that it is gone and a call that was slow ends
		if took := time.Since(began); took > 12*time.Second {
			w.fail("closing took %v", took)
		}
	})
}

// disturb has things fail for a while.
func (w *world) disturb() {
	for range 3 + w.n(8) {
		time.Sleep(time.Duration(w.n(3000)) * time.Millisecond)
		n := w.node()
		if w.kind != stays && w.n(3) == 0 {
			w.move()
			continue
		}
		switch w.n(5) {
		case 0:
			w.replace(w.n(3), true)
		case 1:
			w.replace(w.n(3), false)
		case 2:
			n.engine.Cut(time.Duration(w.n(30_000)) * time.Millisecond)
		default:
			n.engine.Set(w.faults())
		}
	}
}

// move has the store go on elsewhere, if its kind says so without what was recorded last.
func (w *world) move() {
	if w.kind == moves {
		w.store.Move()
		return
	}
	b := w.store.Backup()
	for _, room := range rooms {
		keys := b.Keys(room)
		w.mu.Lock()
		for _, m := range w.sent {
			m.safe = m.safe || m.room == room && keys[m.key]
		}
		w.mu.Unlock()
	}
	time.Sleep(time.Duration(w.n(2000)) * time.Millisecond)
	w.store.RollBack(b, true)
}

// place is where an entry is. No two entries are ever shown at one place.
type place struct {
	epoch, room string
	seq         journal.Seq
}

// show notes that somebody was told of an entry.
func (w *world) show(at place, key string) {
	w.mu.Lock()
	old, is := w.shown[at]
	w.shown[at] = key
	w.mu.Unlock()
	if is && old != key {
		w.fail("%+v was shown as %q and as %q", at, old, key)
	}
}

// calm lets nothing fail any more.
func (w *world) calm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quiet = true
	for _, n := range w.nodes {
		n.engine.Set(fake.Faults{})
		n.engine.Cut(0)
	}
}

func (w *world) end() {
	w.mu.Lock()
	nodes := w.nodes
	w.mu.Unlock()
	for _, n := range nodes {
		close(n.gone)
		n.Close()
	}
}

// appendTo hands in an entry, and waits for its answer.
func appendTo(n *simNode, e journal.Entry) (journal.Receipt, error) {
	type answer struct {
		r   journal.Receipt
		err error
	}
	c := make(chan answer, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	n.Append(ctx, e, func(r journal.Receipt, err error) { c <- answer{r, err} })
	a := <-c
	return a.r, a.err
}

// write says things until it has said enough.
func (w *world) write(user string) {
	var mine []*sending
	for i := range 8 + w.n(12) {
		time.Sleep(time.Duration(w.n(400)) * time.Millisecond)
		room := rooms[w.n(len(rooms))]
		switch roll := w.n(20); {
		case roll < 3:
			w.count()
		case roll < 6:
			n := w.node()
			_, _ = appendTo(n, journal.Entry{Room: room, Kind: journal.Signal, From: journal.User{ID: user}, Body: fmt.Append(nil, i+1), Origin: journal.Origin{Node: n.Nodes().Self().ID, Session: user}})
		case roll < 10 && len(mine) > 0 && w.kind != rollsBack: // then a number may be that of another message
			w.change(mine[w.n(len(mine))], user, fmt.Sprint(user, " change ", i), w.n(2) == 0)
		default:
			m := &sending{room: room, user: user, key: fmt.Sprint(user, " ", i), body: fmt.Sprintf("%q", fmt.Sprint("text ", user, i)), once: w.n(4) == 0, changed: map[string]bool{}}
			w.mu.Lock()
			w.sent[m.key] = m
			w.mu.Unlock()
			if w.say(m); m.seq > 0 {
				mine = append(mine, m)
			}
		}
	}
}

// say sends a message, again and again unless it is sent once: perhaps on two nodes at the same time.
func (w *world) say(m *sending) {
	e := journal.Entry{Room: m.room, Kind: journal.Message, From: journal.User{ID: m.user}, Key: m.key, Body: []byte(m.body)}
	for {
		r, err := appendTo(w.node(), e)
		if err == nil && !m.once && w.n(3) == 0 {
			again, err := appendTo(w.node(), e)
			if err == nil && again.Epoch == r.Epoch && (again.Seq != r.Seq || !again.Duplicate) {
				w.fail("%q was answered %+v, and then %+v", m.key, r, again)
			}
		}
		w.mu.Lock()
		switch {
		case err == nil:
			if m.seq, m.epoch = r.Seq, r.Epoch; m.once && r.Duplicate {
				w.mu.Unlock()
				w.fail("%q was sent once, and is answered as known: %+v", m.key, r)
				return
			}
		case m.once:
			m.refused = !errors.Is(err, journal.ErrUncertain)
		}
		w.mu.Unlock()
		if err == nil {
			w.show(place{r.Epoch, m.room, r.Seq}, m.key)
		}
		if err == nil || m.once {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// change edits or recalls a message until that is answered.
func (w *world) change(m *sending, user, key string, edit bool) {
	e := journal.Entry{Room: m.room, Kind: journal.Recall, From: journal.User{ID: user}, Key: key, Target: m.seq}
	if edit {
		e.Kind, e.Body = journal.Edit, fmt.Appendf(nil, "%q", key)
	}
	w.mu.Lock()
	if m.changed[string(e.Body)] = true; !edit {
		m.recalled = true
	}
	s := &sending{room: m.room, user: user, key: key, changed: map[string]bool{}}
	w.sent[key] = s
	w.mu.Unlock()
	for {
		r, err := appendTo(w.node(), e)
		if err == nil || errors.Is(err, journal.ErrNoTarget) {
			w.mu.Lock()
			s.seq = r.Seq
			w.mu.Unlock()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// count adds one to a record.
func (w *world) count() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	asked := false
	err := w.node().Records().Update(ctx, "n/counter", func(old []byte) ([]byte, error) {
		asked = true
		n := 0
		_, _ = fmt.Sscan(string(old), &n)
		return fmt.Append(nil, n+1), nil
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.sum++
	case asked && !errors.Is(err, journal.ErrUnavailable):
		w.unsure++
	}
}
