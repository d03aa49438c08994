package pebblejournal

import (
	"context"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest"
)

func TestJournal_KeepsEveryPromise(t *testing.T) {
	journaltest.Run(t,
		func(t *testing.T) journal.Journal { return open(t, Options{Dir: t.TempDir()}) },
		journaltest.Reopen(func(t *testing.T, j journal.Journal) journal.Journal {
			return reopen(t, j.(*Journal))
		}),
		journaltest.Retain(func(t *testing.T, keep func(string) journal.Retention) journal.Journal {
			return open(t, Options{Dir: t.TempDir(), Retention: keep})
		}, func(t *testing.T, j journal.Journal) {
			if err := j.(*Journal).Sweep(context.Background()); err != nil {
				t.Fatal(err)
			}
		}),
	)
}

// open opens a journal that the caller closes.
func open(t testing.TB, opt Options) *Journal {
	t.Helper()
	j, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// reopen closes a journal and opens it again, with the same options.
func reopen(t testing.TB, j *Journal) *Journal {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, j.opt)
}
