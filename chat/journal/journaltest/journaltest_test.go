package journaltest_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

func open() journal.Journal {
	return memjournal.New(memjournal.Options{Retention: func(string) journal.Retention { return journal.Retention{} }})
}

// rolling is a journal whose store can be rolled back.
type rolling struct {
	mu sync.Mutex // guards the rest
	journal.Journal
	lost []func(journal.Lost)
}

func (r *rolling) Follow(room string, after journal.Seq, f journal.Follower) (journal.Start, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	start, err := r.Journal.Follow(room, after, f)
	stop := sync.OnceFunc(start.Stop)
	if err == nil {
		r.lost = append(r.lost, func(l journal.Lost) {
			stop()
			f.Lost(l)
		})
	}
	start.Stop = stop
	return start, err
}

func (r *rolling) FollowFeed(part int, wants func(string) bool, deliver func(journal.Entry), lost func(journal.Lost)) (func(), error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	stop, err := r.Journal.FollowFeed(part, wants, deliver, lost)
	if err != nil {
		return nil, err
	}
	r.lost = append(r.lost, func(l journal.Lost) {
		stop()
		lost(l)
	})
	return stop, nil
}

// rollBack lets change run and puts the journal of before in the place of the one that
// was changed.
func (r *rolling) rollBack(t *testing.T, change func()) {
	page, err := r.Read(t.Context(), journal.Query{Room: "room", Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	change()
	before := open()
	if _, _, err := before.(journal.Restorer).Restore(t.Context(), page.Entries); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	after, followers := r.Journal, r.lost
	r.Journal, r.lost = before, nil
	r.mu.Unlock()
	for _, lost := range followers {
		lost(journal.Lost{Why: errors.New("the store was rolled back")})
	}
	if err := after.Close(); err != nil {
		t.Error(err)
	}
}

func TestRun_Rollback(t *testing.T) {
	journaltest.Run(t,
		func(*testing.T) journal.Journal { return &rolling{Journal: open()} },
		journaltest.Rollback(func(t *testing.T, j journal.Journal, change func()) { j.(*rolling).rollBack(t, change) }),
	)
}

// Check finds nothing wrong with a journal, and closes nothing.
func TestCheck(t *testing.T) {
	j := open()
	for _, room := range []string{"a", "b"} {
		j.Append(t.Context(), journal.Entry{Room: room, Kind: journal.Notice, Body: []byte(`"x"`)}, func(_ journal.Receipt, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	journaltest.Check(t, j, "a", "b", "nobody")
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}
