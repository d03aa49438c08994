package pebblejournal

import (
	"cmp"
	"context"
	"testing"
	"time"

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
			if err := j.(*Journal).enforceAll(context.Background()); err != nil {
				t.Fatal(err)
			}
		}),
	)
}

// open opens a journal that the caller closes. Close waits longer than usual for the disk,
// which others use too.
func open(t testing.TB, opt Options) *Journal {
	t.Helper()
	opt.patience = cmp.Or(opt.patience, time.Minute)
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

// say is a message with a key, whose body names the key.
func say(room, key string) journal.Entry {
	return journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: "u1"}, Key: key, Body: []byte("body of " + key)}
}

// appendOne appends and waits.
func appendOne(j *Journal, e journal.Entry) (journal.Receipt, error) {
	type answer struct {
		r   journal.Receipt
		err error
	}
	answers := make(chan answer, 1)
	j.Append(context.Background(), e, func(r journal.Receipt, err error) { answers <- answer{r, err} })
	a := <-answers
	return a.r, a.err
}

func mustAppend(t testing.TB, j *Journal, e journal.Entry) journal.Receipt {
	t.Helper()
	r, err := appendOne(j, e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checkKept checks that the room holds the entries 1 to n.
func checkKept(t testing.TB, j *Journal, room string, n int) {
	t.Helper()
	entries := readAll(t, j, room)
	if len(entries) != n {
		t.Fatalf("room %q: %d entries, want %d", room, len(entries), n)
	}
	for i, e := range entries {
		if e.Seq != journal.Seq(i+1) {
			t.Fatalf("room %q: entry %d is numbered %d", room, i+1, e.Seq)
		}
	}
}

func readAll(t testing.TB, j *Journal, room string) []journal.Entry {
	t.Helper()
	var entries []journal.Entry
	for q := (journal.Query{Room: room, Limit: 1000}); ; {
		page, err := j.Read(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, page.Entries...)
		if !page.More {
			return entries
		}
		q.After = page.Entries[len(page.Entries)-1].Seq
	}
}
