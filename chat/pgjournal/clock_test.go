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

// A node whose clock is many years ahead removes nothing too early, and one whose clock is behind gives times that do not decrease: retention, how
// long a key is known, and times go by the clock of PostgreSQL. A signal stands between them.
func TestClock_OfANodeIsWrong(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for name, ahead := range map[string]time.Duration{"behind": 0, "ahead": 40 * year} {
		t.Run(name, func(t *testing.T) {
			name, began := schema(t), time.Now()
			synctest.Test(t, func(t *testing.T) { // it is the year 2000 here
				time.Sleep(ahead)
				j := node(t, name, shared.Options{Retention: func(string) journal.Retention { return journal.Retention{Age: 90 * 24 * time.Hour} }}).(*shared.Journal)
				say := func(kind journal.Kind, key string) journal.Receipt {
					t.Helper()
					done := make(chan journal.Receipt, 1)
					j.Append(context.Background(), journal.Entry{Room: "r", Kind: kind, Key: key, From: journal.User{ID: "u"}, Body: []byte("1")},
						func(r journal.Receipt, err error) {
							if err != nil {
								t.Error(err)
							}
							done <- r
						})
					return <-done
				}
				first, signal, second := say(journal.Message, "1"), say(journal.Signal, ""), say(journal.Message, "2")
				if first.At < began.UnixMilli() || signal.At < first.At || second.At < first.At {
					t.Errorf("the times are %d, %d and %d; it began at %d", first.At, signal.At, second.At, began.UnixMilli())
				}
				if err := j.Trim(t.Context(), "r", 2); err != nil {
					t.Error(err)
				}
				if err := j.Enforce(t.Context()); err != nil {
					t.Error(err)
				}
				if again := say(journal.Message, "1"); !again.Duplicate || again.Seq != first.Seq {
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
		})
	}
}
