package shared_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// nodesTold collects how many nodes a watcher was told of, and when.
type nodesTold struct {
	mu    sync.Mutex // guards the rest
	began time.Time
	list  []int
	at    []time.Duration
}

func watchNodes(t *testing.T, j *shared.Journal) *nodesTold {
	n := &nodesTold{began: time.Now()}
	if _, err := j.Nodes().Watch(func(list []journal.Node) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.list, n.at = append(n.list, len(list)), append(n.at, time.Since(n.began))
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// last returns when the watcher was told of so many nodes the last time, since it began.
func (n *nodesTold) last(nodes int) (at time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at = -1
	for i := range n.list {
		if n.list[i] == nodes {
			at = n.at[i]
		}
	}
	return at
}

// A node that does not reach the store for ten seconds takes itself for dead, not earlier and not later than the
// others do, and is alive again once it reaches it. Meanwhile it is unavailable. A shorter cut is not told.
func TestNodes_CutOff_TakesItselfForDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		defer p.close()
		time.Sleep(time.Second)
		own, other := watchNodes(t, p.nodes[0]), watchNodes(t, p.nodes[1])
		p.engines[0].Cut(8 * time.Second)
		time.Sleep(20 * time.Second)
		if own.last(0) >= 0 || other.last(1) >= 0 || p.nodes[0].Unavailable() != nil {
			t.Errorf("a cut of 8 seconds was told: %v, %v", own.list, other.list)
		}
		cut := time.Since(own.began)
		p.engines[0].Cut(20 * time.Second)
		time.Sleep(15 * time.Second)
		dead, gone := own.last(0)-cut, other.last(1)-cut
		if dead < 8*time.Second || dead > 10*time.Second || gone < dead || gone > dead+6*time.Second {
			t.Errorf("cut off, the node took itself for dead after %v and the other one did after %v", dead, gone)
		}
		if p.nodes[0].Unavailable() == nil || !p.nodes[0].Stats().Unavailable || p.nodes[1].Unavailable() != nil {
			t.Errorf("unavailable: %v; the other node: %v", p.nodes[0].Unavailable(), p.nodes[1].Unavailable())
		}
		time.Sleep(10 * time.Second)
		if own.last(2)-cut < 20*time.Second || other.last(2)-cut < 20*time.Second || p.nodes[0].Unavailable() != nil {
			t.Errorf("back, %v and %v are known: %v", own.list, other.list, p.nodes[0].Unavailable())
		}
	})
}

// Somebody who asks for the list while the store does not answer delays nothing of this.
func TestNodes_CutOff_WhileAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		defer p.close()
		own := watchNodes(t, p.nodes[0])
		p.engines[0].Cut(30 * time.Second)
		var asking sync.WaitGroup
		for range 20 {
			asking.Go(func() { _, _ = p.nodes[0].Nodes().List(t.Context()) })
		}
		time.Sleep(12 * time.Second)
		if dead := own.last(0); dead < 0 || dead > 11*time.Second {
			t.Errorf("the node took itself for dead after %v", dead)
		}
		asking.Wait()
	})
}

// Behind a commit that has no answer for two seconds nothing is queued: it is refused, so it is certainly not recorded.
// What was queued before waits, and is recorded once the store answers.
func TestAppend_NoAnswer_RefusesWhatComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		defer p.close()
		p.engines[0].Cut(8 * time.Second)
		began := time.Now()
		var waiting sync.WaitGroup
		for _, key := range []string{"sent", "queued"} {
			waiting.Go(func() {
				p.message(0, key)
				if took := time.Since(began); took < 8*time.Second || took > 10*time.Second {
					t.Errorf("%s was answered after %v", key, took)
				}
			})
			time.Sleep(time.Second)
		}
		time.Sleep(time.Second)
		late := journal.Entry{Kind: journal.Message, Key: "late", Body: []byte("1")}
		if _, err := p.say(0, late); !errors.Is(err, journal.ErrUnavailable) || errors.Is(err, journal.ErrUncertain) || time.Since(began) > 4*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		waiting.Wait()
		if r, err := p.say(0, late); err != nil || r.Seq != 3 || r.Duplicate {
			t.Errorf("again: %+v, %v", r, err)
		}
		time.Sleep(noticed)
		p.wantHeard(3, 0)
	})
}
