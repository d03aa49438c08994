//go:build linux

package pebblejournal

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// TestJournal_Large compares stores of a million messages with a small one: they
// must cost no more memory, and start as quickly. It takes minutes, so it runs
// only where CHAT_LARGE is set.
func TestJournal_Large(t *testing.T) {
	if os.Getenv("CHAT_LARGE") == "" {
		t.Skip("CHAT_LARGE is not set")
	}
	small := measureStore(t, 100, 10)
	for _, c := range []struct{ rooms, each int }{{1, 1_000_000}, {1_000_000, 1}} {
		large := measureStore(t, c.rooms, c.each)
		if large.start > 2*time.Second {
			t.Errorf("%d rooms of %d: started in %v", c.rooms, c.each, large.start)
		}
		// Blocks of the store that were read are kept up to CacheBytes, and what
		// Pebble knows of each table.
		if grown := large.heap - small.heap; grown > 48<<20 {
			t.Errorf("%d rooms of %d: %d bytes more on the heap than a small store", c.rooms, c.each, grown)
		}
	}
}

type storeCost struct {
	start time.Duration // to open it and read the first room
	heap  int64
}

func measureStore(t *testing.T, rooms, each int) storeCost {
	t.Helper()
	dir := t.TempDir()
	j := open(t, Options{Dir: dir, MaxBytes: -1})
	fillRooms(t, j, rooms, each)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = nil

	base := heap()
	began := time.Now()
	j = open(t, Options{Dir: dir, MaxBytes: -1})
	readPages(t, j, rooms, 1)
	cost := storeCost{start: time.Since(began)}
	readPages(t, j, rooms, 1000)
	cost.heap = heap() - base
	t.Logf("%d rooms of %d: %d MiB on disk, started in %v, %.1f MiB on the heap after 1000 pages",
		rooms, each, j.Stats().Bytes>>20, cost.start.Round(time.Millisecond), float64(cost.heap)/(1<<20))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return cost
}

func fillRooms(t *testing.T, j *Journal, rooms, each int) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range each {
		for room := range rooms {
			wg.Add(1)
			e := benchEntry(0, i%50, uint64(i))
			e.Room = fmt.Sprint("room-", room)
			j.Append(context.Background(), e, func(_ journal.Receipt, err error) {
				if err != nil {
					t.Error(err)
				}
				wg.Done()
			})
			if (i*rooms+room)%2000 == 0 {
				wg.Wait()
			}
		}
	}
	wg.Wait()
}

// readPages reads the newest entries of n rooms, as clients do that join them.
func readPages(t *testing.T, j *Journal, rooms, n int) {
	t.Helper()
	for i := range n {
		room := fmt.Sprint("room-", i*7919%rooms)
		page, err := j.Read(context.Background(), journal.Query{Room: room, Backward: true, Limit: 50})
		if err != nil || len(page.Entries) == 0 {
			t.Fatalf("%s: %d entries, %v", room, len(page.Entries), err)
		}
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
