package shared_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
	"github.com/caddychat/caddy-chat/chat/shared/internal/fake"
)

// noticed bounds how long it takes until everybody is told of a rollback, on nodes that reach the store.
const noticed = 2 * time.Second

// hearer collects what a follower of a room, or of the feed, is told.
type hearer struct {
	mu      sync.Mutex // guards the rest
	entries []journal.Entry
	lost    []journal.Lost
}

func (h *hearer) Deliver(e journal.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries = append(h.entries, e)
}

func (h *hearer) Lost(l journal.Lost) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lost = append(h.lost, l)
}

func (h *hearer) got() (entries, lost int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.entries), len(h.lost)
}

// pair is two nodes of a store, whose rooms and feeds somebody follows.
type pair struct {
	t       *testing.T
	store   *fake.Store
	engines []*fake.Engine
	nodes   []*shared.Journal
	hearers []*hearer
}

func newPair(t *testing.T) *pair {
	p := &pair{t: t, store: fake.NewStore()}
	for i := range 2 {
		e := p.store.Open(uint64(i))
		j, err := shared.Open(t.Context(), e, shared.Options{})
		if err != nil {
			t.Fatal(err)
		}
		p.engines, p.nodes = append(p.engines, e), append(p.nodes, j)
		room, feed := &hearer{}, &hearer{}
		if _, err := j.Follow("r", 0, room); err != nil {
			t.Fatal(err)
		}
		if _, err := j.FollowFeed(j.Part("r"), func(string) bool { return true }, feed.Deliver, feed.Lost); err != nil {
			t.Fatal(err)
		}
		p.hearers = append(p.hearers, room, feed)
	}
	return p
}

func (p *pair) close() {
	for _, j := range p.nodes {
		j.Close()
	}
}

func (p *pair) say(node int, e journal.Entry) (journal.Receipt, error) {
	e.Room, e.From.ID = "r", "u"
	type answer struct {
		r   journal.Receipt
		err error
	}
	c := make(chan answer, 1)
	p.nodes[node].Append(context.Background(), e, func(r journal.Receipt, err error) { c <- answer{r, err} })
	a := <-c
	return a.r, a.err
}

func (p *pair) message(node int, body string) journal.Receipt {
	p.t.Helper()
	r, err := p.say(node, journal.Entry{Kind: journal.Message, Key: body, Body: fmt.Appendf(nil, "%q", body)})
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// wantHeard compares how often each was told something and lost.
func (p *pair) wantHeard(entries, lost int) {
	p.t.Helper()
	for i, h := range p.hearers {
		if e, l := h.got(); e != entries || l != lost {
			p.t.Errorf("hearer %d got %d entries and was lost %d times, want %d and %d", i, e, l, entries, lost)
		}
	}
}

// A store that has lost what was shown gets one new epoch; everybody on all nodes is told, and numbers go on. It is the
// same whether it has moved or not.
func TestRollback_EverybodyIsTold(t *testing.T) {
	for _, move := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := newPair(t)
			defer p.close()
			first := p.message(0, "1")
			b := p.store.Backup()
			p.message(0, "2")
			time.Sleep(noticed)
			p.wantHeard(2, 0)
			p.store.RollBack(b, move)
			time.Sleep(noticed)
			p.wantHeard(2, 1)
			second, third := p.message(0, "other"), p.message(1, "and other")
			if second.Seq != 2 || third.Seq != 3 || second.Epoch == first.Epoch || third.Epoch != second.Epoch {
				t.Errorf("receipts %+v, %+v, %+v", first, second, third)
			}
			if l := p.hearers[1].lost[0]; l.Epoch != second.Epoch || l.Why == nil {
				t.Errorf("the feed was lost with %+v", l)
			}
			if lost := p.nodes[0].Stats().Lost; lost != 1 {
				t.Errorf("%d rows were found missing", lost)
			}
			again := &hearer{}
			start, err := p.nodes[1].Follow("r", 0, again)
			if n, _ := again.got(); err != nil || n != 3 || start.Epoch != second.Epoch {
				t.Errorf("a new following began with %+v, %v and got %d entries", start, err, n)
			}
		})
	}
}

// Whoever appends notices it at once, also if the numbers were given again meanwhile.
func TestRollback_AppendNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		defer p.close()
		b := p.store.Backup()
		first := p.message(0, "1")
		time.Sleep(noticed)
		p.store.RollBack(b, false)
		if r := p.message(0, "other"); r.Seq != 1 || r.Epoch == first.Epoch {
			t.Errorf("receipt %+v", r)
		}
		b = p.store.Backup()
		second := p.message(0, "2") // which the other node has not seen yet
		p.store.RollBack(b, false)
		third := p.message(1, "3")
		fourth := p.message(0, "4")
		if third.Seq != second.Seq || fourth.Epoch == second.Epoch {
			t.Errorf("receipts %+v, %+v, %+v", second, third, fourth)
		}
	})
}

// A store that has moved without a loss goes on in its epoch: a node says so that has run before.
func TestMove_KeepsTheEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		defer p.close()
		p.store.SetLossless(true)
		first := p.message(0, "1")
		time.Sleep(noticed)
		p.store.Move()
		began := time.Now()
		if r := p.message(1, "2"); r.Epoch != first.Epoch || r.Seq != 2 || time.Since(began) > time.Second {
			t.Errorf("after %v receipt %+v", time.Since(began), r)
		}
		p.store.Move()
		late, err := shared.Open(t.Context(), p.store.Open(9), shared.Options{}) // the nodes say it within a second
		if err != nil {
			t.Fatal(err)
		}
		defer late.Close()
		if r := p.message(0, "3"); r.Epoch != first.Epoch {
			t.Errorf("receipt %+v", r)
		}
		time.Sleep(2 * noticed) // it is not known yet that there are other nodes: they find it by asking
		p.wantHeard(3, 0)
	})
}

// Without a node that ran before nobody knows what was acknowledged: the epoch is another one, after five seconds.
func TestMove_NobodyRanBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		p.store.SetLossless(true)
		first := p.message(0, "1")
		p.close()
		p.store.Move()
		began := time.Now()
		p = &pair{t: t, nodes: []*shared.Journal{node(t, p.store, shared.Options{})}}
		defer p.close()
		if took := time.Since(began); took < 5*time.Second || took > 6*time.Second {
			t.Errorf("it took %v", took)
		}
		if r := p.message(0, "2"); r.Epoch == first.Epoch || r.Seq != 2 {
			t.Errorf("receipt %+v", r)
		}
	})
}

// What names a number of an epoch that has ended is not taken for another entry with that number.
func TestRollback_TargetOfOldEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		defer p.close()
		b := p.store.Backup()
		p.message(0, "1")
		time.Sleep(noticed)
		p.engines[0].Set(fake.Faults{Lose: 1})
		errs := make(chan error, 2)
		for _, e := range []journal.Entry{{Kind: journal.Recall, Key: "recall", Target: 1}, {Kind: journal.Member, Key: "member", Since: 1}} {
			go func() {
				_, err := p.say(0, e)
				errs <- err
			}()
			time.Sleep(time.Second)
		}
		p.store.RollBack(b, false)
		p.message(1, "other")
		p.engines[0].Set(fake.Faults{})
		if both := errors.Join(<-errs, <-errs); !errors.Is(both, journal.ErrNoTarget) || !errors.Is(both, journal.ErrStale) {
			t.Error(both)
		}
		page, err := p.nodes[0].Read(t.Context(), journal.Query{Room: "r", Limit: 9})
		if err != nil || len(page.Entries) != 1 || page.Entries[0].Recalled {
			t.Errorf("the room has %+v, %v", page.Entries, err)
		}
	})
}

// Watchers of records are told of those that have gone and of those that are as they were. What names the epoch
// of a room goes on to do so.
func TestRollback_Records(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		defer p.close()
		put := func(key, value string) {
			t.Helper()
			if err := p.nodes[0].Records().Put(t.Context(), key, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		told := map[string]string{}
		stop, err := p.nodes[1].Records().Watch("k/", func(r journal.Record) {
			mu.Lock()
			defer mu.Unlock()
			if told[r.Key] = string(r.Value); r.Value == nil {
				delete(told, r.Key)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		first := p.message(0, "1")
		put("k/a", "1")
		put("k/mark", first.Epoch)
		b := p.store.Backup()
		put("k/a", "2")
		put("k/b", "1")
		time.Sleep(noticed)
		p.store.RollBack(b, false) // no entry is lost
		time.Sleep(noticed)
		second := p.message(0, "2")
		mu.Lock()
		got := fmt.Sprint(told)
		mu.Unlock()
		if want := fmt.Sprint(map[string]string{"k/a": "1", "k/mark": second.Epoch}); got != want || second.Epoch == first.Epoch {
			t.Errorf("the watcher knows %s, want %s", got, want)
		}
		put("k/c", "3")
		time.Sleep(noticed)
		mu.Lock()
		defer mu.Unlock()
		if told["k/c"] != "3" {
			t.Errorf("the watcher knows %v", told)
		}
	})
}

// Rows of the feed that time has removed are not missed.
func TestRollback_SweptRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		defer p.close()
		first := p.message(0, "1")
		time.Sleep(noticed)
		if n, err := p.engines[0].Sweep(t.Context(), 0, -time.Hour); n == 0 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
		if r := p.message(0, "2"); r.Epoch != first.Epoch {
			t.Errorf("receipt %+v", r)
		}
		time.Sleep(noticed)
		p.wantHeard(2, 0)
	})
}

// answersLate is an engine whose next answer to a commit comes behind something else.
type answersLate struct {
	shared.Engine
	behind func()
}

func (e *answersLate) Commit(b shared.Batch) (shared.Committed, error) {
	c, err := e.Engine.Commit(b)
	if behind := e.behind; behind != nil {
		e.behind = nil
		behind()
	}
	return c, err
}

// An answer that comes when the epoch has ended says nothing: the same batch is sent again.
func TestRollback_BeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := fake.NewStore()
		e := &answersLate{Engine: store.Open(0)}
		j, err := shared.Open(t.Context(), e, shared.Options{})
		if err != nil {
			t.Fatal(err)
		}
		p := &pair{t: t, nodes: []*shared.Journal{j}}
		defer p.close()
		b := store.Backup()
		p.message(0, "1")
		e.behind = func() {
			store.RollBack(b, false)
			time.Sleep(noticed)
		}
		r := p.message(0, "2")
		page, err := j.Read(t.Context(), journal.Query{Room: "r", Limit: 9})
		if err != nil || len(page.Entries) != 1 || page.Epoch != r.Epoch || page.Entries[0].Seq != r.Seq {
			t.Errorf("the receipt is %+v, and the room has %+v, %v", r, page, err)
		}
	})
}
