package shared_test

import (
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest"
	"github.com/caddychat/caddy-chat/chat/shared"
	"github.com/caddychat/caddy-chat/chat/shared/internal/fake"
)

// node opens a journal on a store that does what it should.
func node(t *testing.T, s *fake.Store, opt shared.Options) *shared.Journal {
	t.Helper()
	j, err := shared.Open(t.Context(), s.Open(0), opt)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJournal(t *testing.T) {
	type opened struct {
		store *fake.Store
		opt   shared.Options
	}
	stores := map[journal.Journal]opened{}
	open := func(t *testing.T, o opened) journal.Journal {
		j := node(t, o.store, o.opt)
		stores[j] = o
		return j
	}
	journaltest.Run(t,
		func(t *testing.T) journal.Journal { return open(t, opened{store: fake.NewStore()}) },
		journaltest.Reopen(func(t *testing.T, j journal.Journal) journal.Journal {
			if err := j.Close(); err != nil {
				t.Error(err)
			}
			return open(t, stores[j])
		}),
		journaltest.Retain(
			func(t *testing.T, keep func(room string) journal.Retention) journal.Journal {
				return open(t, opened{fake.NewStore(), shared.Options{Retention: keep}})
			},
			func(t *testing.T, j journal.Journal) {
				if err := j.(*shared.Journal).Enforce(t.Context()); err != nil {
					t.Error(err)
				}
			}),
		journaltest.Rollback(func(_ *testing.T, j journal.Journal, change func()) {
			b := stores[j].store.Backup()
			change()
			stores[j].store.RollBack(b, false)
		}),
		journaltest.Nodes(func(t *testing.T) func(t *testing.T) journal.Journal {
			s := fake.NewStore()
			return func(t *testing.T) journal.Journal { return node(t, s, shared.Options{}) }
		}),
	)
}
