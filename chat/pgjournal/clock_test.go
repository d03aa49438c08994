//go:build unix

package pgjournal_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// A node whose clock is many years ahead removes nothing too early: retention, and how long a key is known, go by the clock of PostgreSQL.
func TestClock_OfANodeIsAhead(t *testing.T) {
	name := schema(t)
	synctest.Test(t, func(t *testing.T) { // it is the year 2000 here
		time.Sleep(40 * 365 * 24 * time.Hour)
		j := node(t, name, shared.Options{Retention: func(string) journal.Retention { return journal.Retention{Age: 90 * 24 * time.Hour} }}).(*shared.Journal)
		say := func(key string) journal.Receipt {
			t.Helper()
			done := make(chan journal.Receipt, 1)
			j.Append(context.Background(), journal.Entry{Room: "r", Kind: journal.Message, Key: key, From: journal.User{ID: "u"}, Body: []byte("1")},
				func(r journal.Receipt, err error) {
					if err != nil {
						t.Error(err)
					}
					done <- r
				})
			return <-done
		}
		first, _ := say("1"), say("2")
		if err := j.Trim(t.Context(), "r", 2); err != nil {
			t.Error(err)
		}
		if err := j.Enforce(t.Context()); err != nil {
			t.Error(err)
		}
		if again := say("1"); !again.Duplicate || again.Seq != first.Seq {
			t.Errorf("the key is new again: %+v", again)
		}
		page, err := j.Read(t.Context(), journal.Query{Room: "r", Limit: 9})
		if err != nil || len(page.Entries) != 1 {
			t.Errorf("%d entries are kept, %v", len(page.Entries), err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}
