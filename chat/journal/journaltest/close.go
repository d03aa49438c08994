package journaltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func testClose(t *testing.T, s *suite) {
	s.each(t, "answers and delivers what was appended before", func(t *tester) {
		l := t.follow("room")
		var sent []pending
		for i := range 500 {
			sent = append(sent, t.send(message("room", "u1", fmt.Sprint(i))))
		}
		t.close()
		for i, p := range sent {
			if r, err := p.answered(); err != nil || r.Seq != journal.Seq(i+1) {
				t.Fatalf("append %d: %+v, %v", i, r, err)
			}
		}
		if delivered := l.wait(0); len(delivered) != len(sent) {
			t.Errorf("delivered %d, want %d", len(delivered), len(sent))
		}
	})
	s.each(t, "ends every Follow", func(t *tester) {
		l := t.follow("room")
		wg := closeRace(t)
		t.close()
		l.stop() // from now on the follower fails the test if it is called
		wg.Wait()
	})
	s.each(t, "makes later calls return ErrClosed", func(t *tester) {
		t.appendMany("room", 1)
		t.put("a", []byte("1"))
		t.close()
		ctx := context.Background()
		_, appending := t.send(message("room", "u1", `"x"`)).wait()
		_, signalling := t.send(journal.Entry{Room: "room", Kind: journal.Signal}).wait()
		_, reading := t.j.Read(ctx, journal.Query{Room: "room", Limit: 1})
		_, following := t.j.Follow("room", func(journal.Entry) {})
		putting := t.j.Records().Put(ctx, "a", []byte("2"))
		_, getting := t.j.Records().Get(ctx, "a")
		scanning := t.j.Records().Scan(ctx, "", func(string, []byte) error { return nil })
		for call, err := range map[string]error{
			"Append": appending, "Append of a Signal": signalling, "Read": reading, "Follow": following,
			"Put": putting, "Get": getting, "Scan": scanning,
		} {
			if !errors.Is(err, journal.ErrClosed) {
				t.Errorf("%s: %v, want ErrClosed", call, err)
			}
		}
	})
	s.each(t, "may be called several times at once", func(t *tester) {
		t.appendMany("room", 1)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(t.close)
		}
		wg.Wait()
	})
}

func (t *tester) close() {
	t.Helper()
	if err := t.j.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// closeRace appends from several goroutines until the journal is closed, and checks
// that every append is answered. It returns when the first one is.
func closeRace(t *tester) *sync.WaitGroup {
	var wg sync.WaitGroup
	started := make(chan struct{})
	var once sync.Once
	for g := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				_, err := t.send(message("room", fmt.Sprint(g), fmt.Sprint(i))).wait()
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
