package memjournal_test

import (
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

func TestJournal_KeepsEveryPromise(t *testing.T) {
	keepAll := memjournal.Options{Retention: everything}
	journaltest.Run(t,
		func(*testing.T) journal.Journal { return memjournal.New(keepAll) },
		journaltest.Retain(func(_ *testing.T, keep func(string) journal.Retention) journal.Journal {
			return memjournal.New(memjournal.Options{Retention: keep})
		}, nil),
		journaltest.Nodes(func(*testing.T) func(*testing.T) journal.Journal {
			store := memjournal.NewStore(keepAll)
			return func(*testing.T) journal.Journal { return store.Open() }
		}),
	)
}
