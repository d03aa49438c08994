//go:build linux

package nodes_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sys/unix"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// limits are those of programs: persons here are faster than people.
const limits = testcaddy.FastLimits

// cluster is three nodes over three databases, and persons who use them.
type cluster struct {
	t       *testing.T
	network network
	db      *database
	nodes   []*node
	persons []*person
	storage string
	busy    *busyness
	stop    context.CancelFunc // ends the persons
	living  *sync.WaitGroup
}

// newCluster starts it. All persons are online, and none says anything.
func newCluster(t *testing.T, persons int, directives string, patient ...time.Duration) *cluster {
	t.Helper()
	return newClusterIn(t, newNetwork(t), persons, directives, patient...)
}

// newClusterIn is newCluster in a network.
func newClusterIn(t *testing.T, n network, persons int, directives string, patient ...time.Duration) *cluster {
	t.Helper()
	c := &cluster{t: t, network: n, storage: t.TempDir(), busy: newBusyness(t), living: new(sync.WaitGroup)}
	c.db = newDatabase(t, c.network)
	c.db.streams()
	for i := range nodesOfAll {
		c.nodes = append(c.nodes, newNode(t, c.network, i, c.storage, c.db.dsn(i, c.network), limits+directives))
	}
	c.nodes[0].start()
	c.nodes[0].ready() // it makes the schema
	for _, x := range c.nodes[1:] {
		x.start()
	}
	for _, x := range c.nodes {
		x.ready()
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	t.Cleanup(c.end)
	for i := range persons {
		name := fmt.Sprintf("p%d", i)
		p := newPerson(t, c.nodes, name, token(t, name), i%nodesOfAll)
		if len(patient) > 0 {
			p.silence = patient[0]
		}
		c.persons = append(c.persons, p)
	}
	for _, p := range c.persons {
		c.living.Go(func() { p.live(ctx) })
	}
	c.eventually("all are online", func() bool {
		for _, p := range c.persons {
			p.mu.Lock()
			online := p.rooms[rooms[0]].epoch != ""
			p.mu.Unlock()
			if !online {
				return false
			}
		}
		return true
	})
	return c
}

// token is a user's, with more claims like "role=boss".
func token(t *testing.T, user string, more ...string) string {
	claims := jwt.MapClaims{"sub": user, "name": strings.ToUpper(user)}
	for _, claim := range more {
		name, value, _ := strings.Cut(claim, "=")
		claims[name] = value
	}
	return testcaddy.SiteToken(t, claims)
}

// speak lets all persons speak.
func (c *cluster) speak() {
	for _, p := range c.persons {
		p.mu.Lock()
		p.quiet = false
		p.mu.Unlock()
	}
}

func (c *cluster) end() {
	c.stop()
	c.living.Wait()
}

func (c *cluster) eventually(what string, ok func() bool) {
	c.t.Helper()
	for began := time.Now(); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > deadlock {
			c.t.Fatal("not in time: " + what)
		}
	}
}

// whole waits until all nodes are ready, the primary has its standby, and everybody gets an answer to what is waiting
// since that time. It returns how long after that time the last of them got it.
func (c *cluster) whole(since time.Time) (pause time.Duration) {
	c.t.Helper()
	pause = c.answered(since)
	for _, x := range c.nodes {
		x.ready()
	}
	c.db.streams()
	for _, p := range c.persons { // so that each node has somebody
		c.eventually(p.name+" is at its own node", p.goHome)
	}
	return pause
}

// answered waits until everybody gets an answer. It returns how long after that time the last of them got it.
func (c *cluster) answered(since time.Time) (pause time.Duration) {
	c.t.Helper()
	for _, p := range c.persons {
		c.eventually(p.name+" gets an answer", func() bool {
			at := p.ackedSince(since)
			if !at.IsZero() {
				pause = max(pause, at.Sub(since))
			}
			return !at.IsZero()
		})
	}
	return pause
}

// busyness measures what the machine leaves for others: a bound of time can't be judged while threads wait for
// processors.
type busyness struct {
	mu    sync.Mutex // guards the rest
	spans []span
}

// span is one measurement.
type span struct {
	at       time.Time
	late     time.Duration // how much later than planned a timer fired
	slowness float64       // how much longer than its processor time some work took
}

func newBusyness(t *testing.T) *busyness {
	b := &busyness{}
	end := make(chan struct{})
	var working sync.WaitGroup
	working.Go(func() {
		runtime.LockOSThread() // its processor time is that of the thread
		defer runtime.UnlockOSThread()
		for last := time.Now(); ; {
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
			}
			late := time.Since(last) - 20*time.Millisecond
			began, used := time.Now(), threadTime()
			for threadTime()-used < 2*time.Millisecond {
			}
			last = time.Now()
			b.mu.Lock()
			b.spans = append(b.spans, span{last, late, float64(last.Sub(began)) / float64(threadTime()-used)})
			b.mu.Unlock()
		}
	})
	t.Cleanup(func() { close(end); working.Wait() })
	return b
}

func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}

// allows reports whether times between then and now can be judged: no timer was late by 50 ms, and work took at most a
// fifth longer than its processor time.
func (b *busyness) allows(then time.Time) (ok bool, slowness float64, late time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for i := len(b.spans) - 1; i >= 0 && b.spans[i].at.After(then); i-- {
		slowness += b.spans[i].slowness
		late = max(late, b.spans[i].late)
		n++
	}
	slowness /= float64(max(n, 1))
	return n > 0 && slowness < 1.2 && late < 50*time.Millisecond, slowness, late
}

// resident is the memory of a process.
func resident(pid int) (bytes int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, pages int64
	_, _ = fmt.Sscan(string(text), &size, &pages)
	return pages * int64(os.Getpagesize())
}
