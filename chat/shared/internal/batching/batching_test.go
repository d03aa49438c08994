package batching

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLoad_Gather(t *testing.T) {
	var l Load
	for _, c := range []struct {
		entries    int
		took, want time.Duration
	}{
		{1, 40 * time.Millisecond, 0},
		{100, 4 * time.Millisecond, 0}, // the quickest
		{100, 8 * time.Millisecond, time.Millisecond},
		{Few - 1, time.Second, 0},
		{Few, time.Second, gatherMost},
		{100, 2 * time.Millisecond, 0},
	} {
		if got := l.Gather(c.entries, c.took); got.Round(50*time.Microsecond) != c.want {
			t.Errorf("after %d entries in %v: %v, want %v", c.entries, c.took, got, c.want)
		}
	}
	for range 5000 { // a database that has become slower for good
		l.Gather(100, 20*time.Millisecond)
	}
	if got := l.Gather(100, 20*time.Millisecond); got > time.Millisecond {
		t.Errorf("what a commit took long ago still counts: %v", got)
	}
}

// All nodes together have a batch under way for each part, but each node at least two.
func TestLimiter_Most(t *testing.T) {
	for _, c := range []struct{ parts, nodes, want int }{{8, 1, 8}, {8, 0, 8}, {8, 2, 4}, {8, 3, 3}, {8, 4, 2}, {8, 50, 2}, {1, 1, 2}} {
		if got := NewLimiter(c.parts, func() int { return c.nodes }).most(); got != c.want {
			t.Errorf("%d parts, %d nodes: %d at once, want %d", c.parts, c.nodes, got, c.want)
		}
	}
}

// Those who wait go on in their order, as others are done.
func TestLimiter_InOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, began := NewLimiter(4, func() int { return 2 }), time.Now()
		var all sync.WaitGroup
		goesOn := make([]time.Duration, 6)
		for i := range goesOn {
			all.Go(func() {
				l.Acquire()
				goesOn[i] = time.Since(began)
				time.Sleep(time.Duration(10+i) * time.Millisecond)
				l.Release()
			})
			synctest.Wait()
		}
		all.Wait()
		for i, want := range []time.Duration{0, 0, 10, 11, 22, 24} {
			if goesOn[i] != want*time.Millisecond {
				t.Errorf("%d goes on after %v, want %d ms", i, goesOn[i], want)
			}
		}
	})
}

// A commit that hangs keeps others waiting for no longer than patience, and what it took is given back when it ends.
func TestLimiter_OneHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, began := NewLimiter(2, func() int { return 1 }), time.Now()
		l.Acquire()
		l.Acquire()
		l.Acquire()
		if after := time.Since(began); after != patience {
			t.Errorf("waited for %v", after)
		}
		for range 3 {
			l.Release()
		}
		began = time.Now()
		l.Acquire()
		l.Acquire()
		if after := time.Since(began); after != 0 {
			t.Errorf("waited for %v after all were done", after)
		}
	})
}

// More nodes or fewer count at once.
func TestLimiter_NodesChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := 4
		l, began := NewLimiter(8, func() int { return nodes }), time.Now()
		l.Acquire()
		l.Acquire()
		waited := make(chan time.Duration, 2)
		for range 2 {
			go func() {
				l.Acquire()
				waited <- time.Since(began)
			}()
		}
		synctest.Wait()
		nodes = 1
		l.Release()
		for range 2 {
			if after := <-waited; after != 0 {
				t.Errorf("waited for %v", after)
			}
		}
	})
}
