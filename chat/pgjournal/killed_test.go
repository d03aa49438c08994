//go:build unix

package pgjournal_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// told collects what a follower gets.
type told struct {
	t *testing.T

	mu      sync.Mutex // guards the rest
	entries []journal.Entry
	until   journal.Seq
	done    chan struct{} // closed when entry until has come
}

func (f *told) Deliver(e journal.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.entries = append(f.entries, e)
	f.check()
}

func (f *told) check() {
	if n := len(f.entries); f.until > 0 && n > 0 && f.entries[n-1].Seq == f.until {
		close(f.done)
		f.until = 0
	}
}

func (f *told) wait(seq journal.Seq) {
	f.mu.Lock()
	f.until, f.done = seq, make(chan struct{})
	done := f.done
	f.check()
	f.mu.Unlock()
	select {
	case <-done:
	case <-time.After(time.Minute):
		f.t.Fatalf("a follower has not got entry %d", seq)
	}
}

func (f *told) Lost(l journal.Lost) { f.t.Errorf("a follower was lost: %v", l.Why) }

// Two nodes append to one room with keys that meet, while connections of all kinds are killed: each
// key is recorded once, under the number that was answered, and both followers get all in order.
func TestJournal_KilledConnections(t *testing.T) {
	name := schema(t)
	nodes := []journal.Journal{node(t, name, shared.Options{}), node(t, name, shared.Options{})}
	var followers []*told
	for _, j := range nodes {
		f := &told{t: t}
		start, err := j.Follow("r", 0, f)
		if err != nil {
			t.Fatal(err)
		}
		defer start.Stop()
		followers = append(followers, f)
	}
	const writers, each = 4, 25
	answered := make([]map[string]journal.Seq, 2*writers)
	var wg, killer sync.WaitGroup
	stop := make(chan struct{})
	killed := 0
	killer.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				postgres.Exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1`)
				killed++
			}
		}
	})
	for w := range answered {
		answered[w] = map[string]journal.Seq{}
		wg.Go(func() {
			for i := range each {
				// The writers w and w + writers say the same on the two nodes.
				key := fmt.Sprint(w%writers, " ", i)
				e := journal.Entry{Room: "r", Kind: journal.Message, Key: key, From: journal.User{ID: "u"}, Body: []byte(key)}
				for {
					var receipt journal.Receipt
					result := make(chan error, 1)
					nodes[w/writers].Append(t.Context(), e, func(r journal.Receipt, err error) { receipt = r; result <- err })
					err := <-result
					if err == nil {
						answered[w][key] = receipt.Seq
						break
					}
					if !errors.Is(err, journal.ErrUnavailable) {
						t.Errorf("%s: %v", key, err)
						return
					}
					time.Sleep(time.Millisecond) // a client that tries again
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	killer.Wait()
	t.Logf("%d connections were killed", killed)
	for _, f := range followers {
		f.wait(writers * each)
		f.mu.Lock()
		entries := f.entries
		f.mu.Unlock()
		if len(entries) != writers*each {
			t.Errorf("a follower has got %d entries, want %d", len(entries), writers*each)
		}
		for i, e := range entries {
			if e.Seq != journal.Seq(i+1) {
				t.Fatalf("entry %d was delivered as number %d", e.Seq, i+1)
			}
			for w := range answered {
				if seq, said := answered[w][e.Key]; said && seq != e.Seq {
					t.Fatalf("%q was answered with %d and has the number %d", e.Key, seq, e.Seq)
				}
			}
		}
	}
	for _, j := range nodes {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
}
