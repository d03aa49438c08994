package tags

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

// A sweep deletes the tags and pins of messages that are gone, and no others; step by step,
// and one that was interrupted is gone on with by the next.
func TestSweep_DeletesWhatIsGone_InSteps(t *testing.T) {
	stored, err := pebblejournal.Open(pebblejournal.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for name, j := range map[string]journal.Journal{"memory": memjournal.New(memjournal.Options{}), "pebble": stored} {
		defer j.Close()
		for _, room := range []string{"tea", "tea2", "untouched"} {
			for seq := journal.Seq(1); seq <= 10; seq++ {
				e := journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: "ann"}, Body: []byte("1")}
				e.With = []journal.Record{{Key: pinKey(room, seq), Value: []byte{}}}
				for n := range 100 {
					e.With = append(e.With, journal.Record{Key: messageKey(room, seq) + fmt.Sprint("user", n, "\x00+"), Value: []byte("true")})
				}
				done := make(chan error, 1)
				j.Append(t.Context(), e, func(_ journal.Receipt, err error) { done <- err })
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			}
		}
		for room, first := range map[string]journal.Seq{"tea": 8, "tea2": 3} {
			if err := j.Trim(t.Context(), room, first); err != nil {
				t.Fatal(err)
			}
		}
		left := func() (n int) {
			for _, prefix := range []string{"tag\x00", "pin\x00"} {
				if err := j.Records().Scan(t.Context(), prefix, func(journal.Record) error { n++; return nil }); err != nil {
					t.Fatal(err)
				}
			}
			return n
		}
		enough := errors.New("enough")
		n, err := Sweep(t.Context(), j, j.(journal.Lister), func(context.Context) error { return enough })
		if !errors.Is(err, enough) || n == 0 || n > stepRecords || left() != 3*1010-n {
			t.Errorf("%s: the first step has deleted %d, and left %d: %v", name, n, left(), err)
		}
		more, err := Sweep(t.Context(), j, j.(journal.Lister), func(ctx context.Context) error { return ctx.Err() })
		if want := 101 * (7 + 2); err != nil || n+more != want || left() != 3*1010-want {
			t.Errorf("%s: deleted %d and %d, left %d, want %d deleted: %v", name, n, more, left(), want, err)
		}
		for room, first := range map[string]journal.Seq{"tea": 8, "tea2": 3, "untouched": 1} {
			page, err := j.Read(t.Context(), journal.Query{Room: room, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			found, _, err := Load(t.Context(), j.Records(), "user1", []Asked{{Room: room, Page: &page, Pins: true}}, 1<<20)
			if err != nil || len(found[0].Tags) != 11-int(first) || len(found[0].Pins) != 11-int(first) {
				t.Errorf("%s: %s has tags at %d messages and %d pins: %v", name, room, len(found[0].Tags), len(found[0].Pins), err)
			}
		}
	}
}
