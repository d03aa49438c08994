package tags

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// While two nodes have different configurations, the tags of what is gone stay.
func TestSweeper_Daily_OnlyWhileNodesAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memjournal.NewStore(memjournal.Options{})
		a, b := store.Open(), store.Open()
		defer a.Close()
		defer b.Close()
		done := make(chan error, 1)
		a.Append(t.Context(), journal.Entry{
			Room: "tea", Kind: journal.Message, From: journal.User{ID: "ann"}, Body: []byte("1"),
			With: []journal.Record{{Key: pinKey("tea", 1), Value: []byte{}}},
		}, func(_ journal.Receipt, err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := a.Trim(t.Context(), "tea", 2); err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		var sweeping sync.WaitGroup
		sweeper := NewSweeper(a, journal.Journal(a).(journal.Lister), zap.NewNop())
		sweeping.Go(func() { sweeper.Run(ctx) })
		for i, config := range []string{"two", "one"} {
			for j, config := range map[journal.Journal]string{a: "one", b: config} {
				if err := j.Nodes().Describe(t.Context(), "", config); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(interval + time.Hour)
			n := 0
			if err := a.Records().Scan(t.Context(), "pin\x00", func(journal.Record) error { n++; return nil }); err != nil {
				t.Fatal(err)
			}
			if n != 1-i {
				t.Errorf("day %d: %d pins", i+1, n)
			}
		}
		end()
		sweeping.Wait()
	})
}

// Where somebody has tagged, the tags of a message go soon after the message, again and again;
// those of messages that are kept stay. So one who tags does not fill the store for a day.
func TestSweeper_WhereTagged_Soon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(memjournal.Options{})
		defer j.Close()
		ctx, end := context.WithCancel(t.Context())
		sweeper := NewSweeper(j, nil, zap.NewNop())
		var sweeping sync.WaitGroup
		sweeping.Go(func() { sweeper.Run(ctx) })
		left := func() (n int) {
			if err := j.Records().Scan(t.Context(), "tag\x00", func(journal.Record) error { n++; return nil }); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for seq := journal.Seq(1); seq <= 3; seq++ {
			e := journal.Entry{Room: "tea", Kind: journal.Message, From: journal.User{ID: "ann"}, Body: []byte("1")}
			for n := range 500 {
				e.With = append(e.With, journal.Record{Key: messageKey("tea", seq) + fmt.Sprint("user", n, "\x00+"), Value: []byte("true")})
			}
			done := make(chan error, 1)
			j.Append(t.Context(), e, func(_ journal.Receipt, err error) { done <- err })
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		sweeper.Recorded("tea", true)
		for _, below := range []journal.Seq{1, 3, 4} {
			if err := j.Trim(t.Context(), "tea", below); err != nil {
				t.Fatal(err)
			}
			sweeper.Recorded("tea", false)
			time.Sleep(2 * soon)
			if n, want := left(), 500*int(4-below); n != want {
				t.Errorf("below %d: %d tags, want %d", below, n, want)
			}
		}
		end()
		sweeping.Wait()
	})
}

// heads counts what a journal is asked.
type heads struct {
	journal.Journal
	mu    sync.Mutex // guards the rest
	asked map[string]int
	fails bool
}

// taken returns for which rooms it was asked since then, and how often. It fails from now on, or not.
func (j *heads) taken(fails bool) map[string]int {
	j.mu.Lock()
	defer j.mu.Unlock()
	asked := j.asked
	j.asked, j.fails = map[string]int{}, fails
	return asked
}

func (j *heads) Heads(ctx context.Context, rooms []string) ([]journal.Head, error) {
	j.mu.Lock()
	for _, room := range rooms {
		j.asked[room]++
	}
	fails := j.fails
	j.mu.Unlock()
	if fails {
		return nil, journal.ErrUnavailable
	}
	return j.Journal.Heads(ctx, rooms)
}

// While nothing is recorded nothing is asked; what is recorded is asked about its room alone, and
// only where somebody has tagged. It is asked again until there is an answer.
func TestSweeper_AsksOnlyWhatHasChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &heads{Journal: memjournal.New(memjournal.Options{}), asked: map[string]int{}}
		defer j.Close()
		ctx, end := context.WithCancel(t.Context())
		sweeper := NewSweeper(j, nil, zap.NewNop())
		var sweeping sync.WaitGroup
		sweeping.Go(func() { sweeper.Run(ctx) })
		for i := range 2 * maxLately {
			room := fmt.Sprint("room", i)
			done := make(chan error, 1)
			j.Append(t.Context(), journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: "ann"}, Body: []byte("1")}, func(_ journal.Receipt, err error) { done <- err })
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			sweeper.Recorded(room, true)
		}
		sweeper.mu.Lock()
		if n := len(sweeper.lately); n != maxLately {
			t.Errorf("%d rooms are kept", n)
		}
		sweeper.mu.Unlock()
		time.Sleep(2 * soon)
		newest := fmt.Sprint("room", 2*maxLately-1)
		if asked := j.taken(false); len(asked) != maxLately || asked[newest] != 1 {
			t.Errorf("%d rooms were asked for, the newest %d times", len(asked), asked[newest])
		}
		time.Sleep(interval / 2)
		sweeper.Recorded("another", false)
		time.Sleep(2 * soon)
		if asked := j.taken(true); len(asked) > 0 {
			t.Errorf("asked for %v, and nothing has changed", asked)
		}
		sweeper.Recorded(newest, false)
		sweeper.Recorded(newest, false)
		time.Sleep(2*soon + soon/2)
		if asked := j.taken(false); len(asked) != 1 || asked[newest] != 2 {
			t.Errorf("asked for %v, want %s, twice without an answer", asked, newest)
		}
		time.Sleep(interval / 4)
		if asked := j.taken(false); len(asked) != 1 || asked[newest] != 1 {
			t.Errorf("asked for %v, want %s, once", asked, newest)
		}
		end()
		sweeping.Wait()
	})
}
