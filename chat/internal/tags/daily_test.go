package tags

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// While two nodes have different configurations, the tags of what is gone stay.
func TestSweepDaily_OnlyWhileNodesAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memjournal.NewStore(memjournal.Options{})
		a, b := store.Open(), store.Open()
		defer a.Close()
		defer b.Close()
		done := make(chan error, 1)
		a.Append(t.Context(), journal.Entry{
			Room: "tea", Kind: journal.Message, From: journal.User{ID: "ann"}, Body: []byte("1"),
			With: []journal.Record{{Key: pinKey("tea", 1), Value: []byte{}}},
		}, func(_ journal.Receipt, err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := a.Trim(t.Context(), "tea", 2); err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		var sweeping sync.WaitGroup
		sweeping.Go(func() { SweepDaily(ctx, a, journal.Journal(a).(journal.Lister), zap.NewNop()) })
		for i, config := range []string{"two", "one"} {
			for j, config := range map[journal.Journal]string{a: "one", b: config} {
				if err := j.Nodes().Describe(t.Context(), "", config); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(interval + time.Hour)
			n := 0
			if err := a.Records().Scan(t.Context(), "pin\x00", func(journal.Record) error { n++; return nil }); err != nil {
				t.Fatal(err)
			}
			if n != 1-i {
				t.Errorf("day %d: %d pins", i+1, n)
			}
		}
		end()
		sweeping.Wait()
	})
}
