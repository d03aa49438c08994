package memjournal

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// A callback that panics is logged, and everybody else gets what is theirs.
func TestPanic_OfOneCallbackLeavesTheOthersAlone(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(j *Journal, bad func()) error // bad panics
		calls int                                // of bad
	}{
		"done": {func(j *Journal, bad func()) error {
			j.Append(background, journal.Entry{Room: "room", Kind: journal.Message}, func(journal.Receipt, error) { bad() })
			return nil
		}, 1},
		"Deliver": {func(j *Journal, bad func()) error {
			_, err := j.Follow("room", journal.Newest, deliverer(func(journal.Entry) { bad() }))
			return err
		}, 3},
		"Deliver of a feed": {func(j *Journal, bad func()) error {
			_, err := j.FollowFeed(0, func(string) bool { return true }, func(journal.Entry) { bad() }, nil)
			return err
		}, 3},
		"wants": {func(j *Journal, bad func()) error {
			_, err := j.FollowFeed(0, func(string) bool { bad(); return true }, nil, nil)
			return err
		}, 3},
		"each of Watch": {func(j *Journal, bad func()) error {
			_, err := j.Records().Watch("", func(journal.Record) { bad() })
			return err
		}, 4},
		"changed of Nodes": {func(j *Journal, bad func()) error {
			_, err := j.Nodes().Watch(func([]journal.Node) { bad() })
			return err
		}, 2},
		"f of Update": {func(j *Journal, bad func()) error {
			err := j.Records().Update(background, "a", func([]byte) ([]byte, error) { bad(); return nil, nil })
			if err == nil || !strings.Contains(err.Error(), "panicked: of a test") {
				return fmt.Errorf("Update: %v", err)
			}
			return nil
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			core, logs := observer.New(zap.ErrorLevel)
			j := open(t, Options{Logger: zap.New(core)})
			put(t, j, "a", 1)
			calls := 0
			if err := c.begin(j, func() { calls++; panic("of a test") }); err != nil {
				t.Fatal(err)
			}
			good := map[string]int{}
			count := func(what string) { good[what]++ }
			if _, err := j.Follow("room", journal.Newest, deliverer(func(journal.Entry) { count("Deliver") })); err != nil {
				t.Fatal(err)
			}
			if _, err := j.FollowFeed(0, func(string) bool { return true }, func(journal.Entry) { count("feed") }, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := j.Records().Watch("", func(journal.Record) { count("Watch") }); err != nil {
				t.Fatal(err)
			}
			if _, err := j.Nodes().Watch(func([]journal.Node) { count("Nodes") }); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				must(t, j, journal.Entry{Room: "room", Kind: journal.Message, With: []journal.Record{{Key: "w", Value: []byte("x")}}})
			}
			if err := j.Nodes().Describe(background, "2", ""); err != nil {
				t.Error(err)
			}
			if good["Deliver"] != 3 || good["feed"] != 3 || good["Watch"] != 4 || good["Nodes"] != 2 {
				t.Errorf("the others were called %v", good)
			}
			if calls != c.calls || logs.FilterMessage("chat journal: callback panicked").Len() != calls {
				t.Errorf("it was called %d times, want %d, logged %d times", calls, c.calls, logs.Len())
			}
		})
	}
}

// Callbacks may use the journal, and stop others.
func TestCallbacks_MayUseTheJournal(t *testing.T) {
	j := open(t, Options{})
	other := follow(t, j, "room")
	var got []string
	_, err := j.Follow("room", journal.Newest, deliverer(func(e journal.Entry) {
		got = append(got, string(e.Body))
		if len(got) == 1 {
			other.Stop()
			say(t, j, "room", "", "2")
			say(t, j, "other", "", "a")
			put(t, j, "k", 1)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Records().Watch("", func(r journal.Record) {
		if r.Key == "k" {
			put(t, j, "l", 1)
			say(t, j, "room", "", "3")
		}
	}); err != nil {
		t.Fatal(err)
	}
	say(t, j, "room", "", "1")
	if fmt.Sprint(got) != "[1 2 3]" || head(t, j, "other").Last != 1 {
		t.Errorf("delivered %v", got)
	}
}

// Journals of one store end only what is theirs.
func TestStore_CloseOfOneJournalLeavesTheOthers(t *testing.T) {
	s := NewStore(Options{})
	a, b := s.Open(), s.Open()
	defer b.Close()
	var mu sync.Mutex
	calls := map[string]int{}
	begin := func(j *Journal, name string) {
		count := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			calls[name+" "+what]++
		}
		if _, err := j.Follow("room", journal.Newest, deliverer(func(journal.Entry) { count("Follow") })); err != nil {
			t.Fatal(err)
		}
		if _, err := j.FollowFeed(0, func(string) bool { return true }, func(journal.Entry) { count("FollowFeed") }, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Records().Watch("", func(journal.Record) { count("Watch") }); err != nil {
			t.Fatal(err)
		}
	}
	begin(a, "a")
	begin(b, "b")
	put(t, a, "a", 1)
	say(t, a, "room", "", "x")
	ids := func() (ids []string) {
		list, err := b.Nodes().List(background)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range list {
			ids = append(ids, n.ID)
		}
		return ids
	}
	if len(ids()) != 2 {
		t.Errorf("the nodes are %v", ids())
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, b, "b", 1)
	say(t, b, "room", "", "x")
	if want := "map[a Follow:1 a FollowFeed:1 a Watch:1 b Follow:2 b FollowFeed:2 b Watch:2]"; fmt.Sprint(calls) != want {
		t.Errorf("the calls were %v, want %v", calls, want)
	}
	if len(ids()) != 1 || ids()[0] != b.Nodes().Self().ID {
		t.Errorf("after Close the nodes are %v", ids())
	}
	c := s.Open()
	defer c.Close()
	if h := head(t, c, "room"); h.Last != 2 {
		t.Errorf("one who comes later sees %+v", h)
	}
	if _, err := a.Nodes().List(background); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("List of a closed journal: %v", err)
	}
	if _, err := a.Nodes().Watch(func([]journal.Node) {}); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Watch of a closed journal: %v", err)
	}
	if err := a.Nodes().Describe(background, "", ""); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Describe of a closed journal: %v", err)
	}
}
