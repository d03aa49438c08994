package shared_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
	"github.com/caddychat/caddy-chat/chat/shared/internal/fake"
)

// counted is an engine whose commits take a while. It counts those under way, and claims that there are so many nodes.
type counted struct {
	shared.Engine
	nodes int

	mu         sync.Mutex // guards the rest
	now, most  int        // commits of any size
	large, top int        // those of 8 entries or more
}

func (c *counted) Commit(b shared.Batch) (shared.Committed, error) {
	large := 0
	if len(b.Items) >= 8 {
		large = 1
	}
	c.count(1, large)
	defer c.count(-1, -large)
	time.Sleep(10 * time.Millisecond)
	return c.Engine.Commit(b)
}

func (c *counted) count(n, large int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.large = c.now+n, c.large+large
	c.most, c.top = max(c.most, c.now), max(c.top, c.large)
}

func (c *counted) Beat(ctx context.Context, n journal.Node) ([]journal.Node, error) {
	list, err := c.Engine.Beat(ctx, n)
	for i := range c.nodes - 1 {
		list = append(list, journal.Node{ID: fmt.Sprint("other ", i)})
	}
	return list, err
}

// All nodes together have a large batch under way for each part of the feed, but each at least two. Small ones wait for none.
func TestJournal_Append_LargeBatchesAtOnce(t *testing.T) {
	for _, c := range []struct{ nodes, appenders, large, any int }{
		{1, 50, fake.Parts, fake.Parts},
		{2, 50, 2, fake.Parts},
		{5, 50, 2, fake.Parts},
		{5, 3, 0, fake.Parts},
	} {
		t.Run(fmt.Sprintf("%d nodes, %d at once", c.nodes, c.appenders), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &counted{Engine: fake.NewStore().Open(0), nodes: c.nodes}
				j, err := shared.Open(t.Context(), e, shared.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer j.Close()
				var all sync.WaitGroup
				for part := range fake.Parts {
					for i := range c.appenders {
						all.Go(func() { sayTen(t, j, roomOf(j, part), i) })
					}
				}
				all.Wait()
				e.mu.Lock()
				defer e.mu.Unlock()
				if e.top != c.large || e.most > c.any || c.large == 0 && e.most != c.any {
					t.Errorf("%d large commits at once, and %d of any size; want %d and %d", e.top, e.most, c.large, c.any)
				}
			})
		})
	}
}

// paced is an engine whose commits take as long as take says.
type paced struct {
	counted
	take func(shared.Batch) time.Duration
}

func (p *paced) Commit(b shared.Batch) (shared.Committed, error) {
	time.Sleep(p.take(b))
	return p.Engine.Commit(b)
}

// Nothing is refused because of a commit that took long, once it has ended: not while the next batch waits for others, either.
func TestJournal_Append_WhileABatchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &paced{counted: counted{Engine: fake.NewStore().Open(0), nodes: 5}, take: func(b shared.Batch) time.Duration {
			switch {
			case len(b.Items) >= 8 && b.Part > 0: // it hangs
				return 10 * time.Second
			case b.Part == 0:
				return 3 * time.Second
			}
			return time.Second
		}}
		j, err := shared.Open(t.Context(), e, shared.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		var all sync.WaitGroup
		say := func(part, who int) {
			all.Go(func() {
				done := make(chan error, 1)
				j.Append(t.Context(), journal.Entry{Room: roomOf(j, part), Kind: journal.Message, From: journal.User{ID: fmt.Sprint(who)}, Key: "k", Body: []byte("1")},
					func(_ journal.Receipt, err error) { done <- err })
				if err := <-done; err != nil {
					t.Errorf("part %d, %d: %v", part, who, err)
				}
			})
		}
		for part := range fake.Parts {
			say(part, 0)
		}
		time.Sleep(time.Millisecond)
		for part := range fake.Parts {
			for who := range 10 {
				say(part, who+1)
			}
		}
		time.Sleep(3 * time.Second)
		time.Sleep(10 * time.Millisecond) // part 0 waits for one of the others
		say(0, 11)
		all.Wait()
	})
}

// sayTen says ten things, one after the other.
func sayTen(t *testing.T, j *shared.Journal, room string, who int) {
	for n := range 10 {
		done := make(chan error, 1)
		e := journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: fmt.Sprint(who)}, Key: fmt.Sprint(n), Body: []byte("1")}
		j.Append(t.Context(), e, func(_ journal.Receipt, err error) { done <- err })
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// roomOf is the name of a room of a part.
func roomOf(j *shared.Journal, part int) string {
	for i := 0; ; i++ {
		if room := fmt.Sprint("room ", i); j.Part(room) == part {
			return room
		}
	}
}
