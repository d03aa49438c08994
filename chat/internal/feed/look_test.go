package feed

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// slow is a journal, each of whose pages takes a while.
type slow struct{ *memjournal.Journal }

const pageTime = 20 * time.Millisecond

func (s slow) Feed(ctx context.Context, q journal.FeedQuery) (journal.FeedPage, error) {
	time.Sleep(pageTime)
	return s.Journal.Feed(ctx, q)
}

func only(t *testing.T, room string) *Filter {
	t.Helper()
	f, err := NewFilter(nil, func(r string) bool { return r == room })
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// However much lies before an event that somebody may read, an answer comes when the wait is
// over, or half a second: without events, but it says how far the server has come. Who goes on
// there gets the event, and nothing is read twice.
func TestPull_MuchThatNobodyWants_IsReadInParts(t *testing.T) {
	for _, wait := range []time.Duration{0, 100 * time.Millisecond, 3 * time.Second} {
		t.Run(wait.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := slow{memjournal.New(memjournal.Options{Retention: func(string) (all journal.Retention) { return }})}
				defer j.Close()
				f := New(j)
				defer f.Close()
				for range 20_000 {
					put(t, j, "others")
				}
				put(t, j, "a-1")
				began, after, answers := time.Now(), "", 0
				for {
					asked := time.Now()
					text, err := f.Pull(t.Context(), Query{After: after, Wait: wait, Filter: only(t, "a-1")})
					if err != nil {
						t.Fatal(err)
					}
					if took, most := time.Since(asked), max(wait, lookTime)+3*pageTime; took > most {
						t.Errorf("answer %d took %v, want %v at most", answers, took, most)
					}
					from, to, list := decoded(t, text)
					if after != "" && from != after || to == after {
						t.Fatalf("behind %s the answer is from %s to %s", after, from, to)
					}
					answers, after = answers+1, to
					if len(list) > 0 {
						if !slices.Equal(list, []string{"a-1 1"}) {
							t.Errorf("%q", list)
						}
						break
					}
				}
				pages := 20_001/DefaultLimit + 1
				if took, most := time.Since(began), time.Duration(pages+pages/maxPages+3*answers)*pageTime; took > most {
					t.Errorf("%d answers took %v, want %v at most", answers, took, most)
				}
				if most := int(time.Duration(pages)*pageTime*5/4/max(wait, lookTime)) + 1; answers > most {
					t.Errorf("%d answers, want %d at most", answers, most)
				}
				if least := int(time.Duration(pages) * pageTime / (max(wait, lookTime) + 3*pageTime)); answers < least {
					t.Errorf("%d answers, want %d at least", answers, least)
				}
			})
		})
	}
}

// When the server stops, an answer comes soon, whatever is left to be read.
func TestPull_MuchThatNobodyWants_EndsWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := slow{memjournal.New(memjournal.Options{Retention: func(string) (all journal.Retention) { return }})}
		defer j.Close()
		f := New(j)
		defer f.Close()
		for range 20_000 {
			put(t, j, "others")
		}
		f.Leave()
		began := time.Now()
		if _, err := f.Pull(t.Context(), Query{Wait: MaxWait, Filter: only(t, "a-1")}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > lookTime/2+3*pageTime {
			t.Errorf("an answer took %v", took)
		}
	})
}
