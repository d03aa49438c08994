package journaltest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/journal/journaltest/internal/tester"
)

func testClose(t *testing.T, s *tester.Suite) {
	s.Each(t, "answers and delivers what was appended before", func(t *tester.T) {
		l := t.Follow("room")
		var sent []tester.Pending
		for i := range 500 {
			sent = append(sent, t.Send(tester.Message("room", "u1", fmt.Sprint(i))))
		}
		t.Close()
		for i, p := range sent {
			if r, err := p.Answered(); err != nil || r.Seq != journal.Seq(i+1) {
				t.Fatalf("append %d: %+v, %v", i, r, err)
			}
		}
		if delivered := l.Wait(0); len(delivered) != len(sent) {
			t.Errorf("delivered %d, want %d", len(delivered), len(sent))
		}
	})
	s.Each(t, "ends every Follow and Watch", func(t *tester.T) {
		l := t.Follow("room")
		wg := closeRace(t)
		feed, watcher := t.FollowFeed(t.J.Part("room"), tester.EveryRoom), t.Watch("")
		wg.Go(func() {
			for err := error(nil); err == nil; {
				err = t.J.Records().Put(tester.Background, "a", []byte("1"))
			}
		})
		watcher.Wait(1)
		t.Close()
		l.End() // from now on they fail the test if they are called
		feed.End()
		watcher.End()
		wg.Wait()
	})
	s.Each(t, "ends what catches up", func(t *tester.T) {
		t.AppendMany("room", 1500)
		l := t.NewFollower("room").Begin(0)
		t.Close()
		l.End() // from now on it fails the test if it is called
		l.Stop()
	})
	s.Each(t, "makes later calls return ErrClosed", func(t *tester.T) {
		t.AppendMany("room", 1)
		t.Put("a", []byte("1"))
		t.Close()
		nodes := t.J.Nodes()
		ctx, j, records := tester.Background, t.J, t.J.Records()
		for call, f := range map[string]func() error{
			"Append":             func() error { _, err := t.Send(tester.Message("room", "u1", `"x"`)).Wait(); return err },
			"Append of a Signal": func() error { _, err := t.Send(journal.Entry{Room: "room", Kind: journal.Signal}).Wait(); return err },
			"Read":               func() error { _, err := j.Read(ctx, journal.Query{Room: "room", Limit: 1}); return err },
			"Pages":              func() error { _, err := j.Pages(ctx, []journal.Query{{Room: "room", Limit: 1}}, 0); return err },
			"Heads":              func() error { _, err := j.Heads(ctx, []string{"room"}); return err },
			"Find":               func() error { _, err := j.Find(ctx, "room", "u1", "k"); return err },
			"Follow":             func() error { _, err := j.Follow("room", journal.Newest, t.NewFollower("room")); return err },
			"Trim":               func() error { return j.Trim(ctx, "room", 1) },
			"Trim of all":        func() error { return j.Trim(ctx, "room", journal.All) },
			"Positions":          func() error { _, err := j.Positions(ctx); return err },
			"Feed":               func() error { _, err := j.Feed(ctx, journal.FeedQuery{Limit: 1}); return err },
			"FollowFeed":         func() error { _, err := j.FollowFeed(0, tester.EveryRoom, func(journal.Entry) {}, nil); return err },
			"Put":                func() error { return records.Put(ctx, "a", []byte("2")) },
			"Update":             func() error { return records.Update(ctx, "a", func(old []byte) ([]byte, error) { return old, nil }) },
			"Get":                func() error { _, err := records.Get(ctx, "a"); return err },
			"GetMany":            func() error { _, err := records.GetMany(ctx, []string{"a"}); return err },
			"Scan":               func() error { return records.Scan(ctx, "", func(journal.Record) error { return nil }) },
			"Nodes.List":         func() error { _, err := nodes.List(ctx); return err },
			"Nodes.Describe":     func() error { return nodes.Describe(ctx, "v", "c") },
			"Nodes.Watch":        func() error { _, err := nodes.Watch(func([]journal.Node) {}); return err },
			"Watch":              func() error { _, err := records.Watch("", func(journal.Record) {}); return err },
		} {
			if err := f(); !errors.Is(err, journal.ErrClosed) {
				t.Errorf("%s: %v, want ErrClosed", call, err)
			}
		}
		if nodes.Self().ID == "" || t.J.Parts() < 1 {
			t.Error("a closed journal has forgotten who it was")
		}
	})
	s.Each(t, "lets a Follow that comes meanwhile succeed, or fail with ErrClosed", func(t *tester.T) {
		t.AppendMany("room", 1)
		var wg sync.WaitGroup
		defer wg.Wait()
		for range 4 {
			f := t.NewFollower("other")
			wg.Go(func() {
				for err := error(nil); err == nil; {
					var start journal.Start
					if start, err = t.J.Follow("other", 0, f); err == nil {
						start.Stop()
					} else if !errors.Is(err, journal.ErrClosed) {
						t.Errorf("Follow: %v", err)
					}
				}
			})
		}
		t.Close()
	})
	s.Each(t, "ends a Scan that stands still", func(t *tester.T) {
		for i := range 300 {
			t.Put(fmt.Sprint("key", i), []byte("x"))
		}
		stands, goesOn, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
		first := sync.OnceFunc(func() { close(stands); <-goesOn })
		go func() {
			defer close(ended)
			_ = t.J.Records().Scan(tester.Background, "", func(journal.Record) error { first(); return nil })
		}()
		<-stands
		t.Close() // it fails the test if the journal cannot be closed
		close(goesOn)
		<-ended
	})
	s.Each(t, "may be called several times at once", func(t *tester.T) {
		t.AppendMany("room", 1)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(t.Close)
		}
		wg.Wait()
	})
}

// closeRace appends from several goroutines until the journal is closed, and checks
// that every append is answered. It returns when the first one is.
func closeRace(t *tester.T) *sync.WaitGroup {
	var wg sync.WaitGroup
	started := make(chan struct{})
	var once sync.Once
	for g := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				_, err := t.Send(tester.Message("room", fmt.Sprint(g), fmt.Sprint(i))).Wait()
				once.Do(func() { close(started) })
				if errors.Is(err, journal.ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
			}
		})
	}
	<-started
	return &wg
}
