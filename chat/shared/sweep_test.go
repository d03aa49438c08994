package shared_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
	"github.com/caddychat/caddy-chat/chat/shared/internal/fake"
)

// While two nodes have different configurations, neither removes what only one of them would.
func TestJournal_SweepsOnlyWhileNodesAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := fake.NewStore()
		a := node(t, store, shared.Options{Retention: func(string) journal.Retention { return journal.Retention{Count: 1} }})
		b := node(t, store, shared.Options{Retention: func(string) journal.Retention { return journal.Retention{Count: 2} }})
		for range 3 {
			done := make(chan error, 1)
			a.Append(t.Context(), journal.Entry{Room: "r", Kind: journal.Message, From: journal.User{ID: "u"}, Body: []byte("1")},
				func(_ journal.Receipt, err error) { done <- err })
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		describe := func(j *shared.Journal, config string) {
			t.Helper()
			if err := j.Nodes().Describe(t.Context(), "", config); err != nil {
				t.Fatal(err)
			}
		}
		keepsAll := func(want bool) {
			t.Helper()
			time.Sleep(5 * time.Minute)
			page, err := b.Read(t.Context(), journal.Query{Room: "r", Limit: 10})
			if err != nil || len(page.Entries) == 3 != want {
				t.Errorf("%d entries of 3 are kept, want all: %v: %v", len(page.Entries), want, err)
			}
		}
		describe(a, "one")
		describe(b, "two")
		keepsAll(true)
		describe(a, "two")
		keepsAll(false)
		for _, j := range []*shared.Journal{a, b} {
			if err := j.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
