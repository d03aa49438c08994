package memjournal_test

import (
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

func TestJournal_KeepsEveryPromise(t *testing.T) {
	journaltest.Run(t,
		func(*testing.T) journal.Journal {
			everything := func(string) journal.Retention { return journal.Retention{} }
			return memjournal.New(memjournal.Options{Retention: everything})
		},
		journaltest.Retain(func(_ *testing.T, keep func(string) journal.Retention) journal.Journal {
			return memjournal.New(memjournal.Options{Retention: keep})
		}, nil),
	)
}
