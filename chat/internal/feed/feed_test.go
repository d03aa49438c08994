package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

func put(t testing.TB, j journal.Journal, room string) (got journal.Receipt) {
	t.Helper()
	done := make(chan error, 1)
	e := journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: "u1"}, Body: []byte(`1`)}
	j.Append(context.Background(), e, func(r journal.Receipt, err error) { got = r; done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return got
}

func all(t testing.TB) *Filter {
	t.Helper()
	f, err := NewFilter(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// pulled decodes an answer: "room seq" of entries, "gap …" of gaps.
func decoded(t testing.TB, text []byte) (from, to string, list []string) {
	t.Helper()
	var b struct {
		From, To string
		Events   []struct {
			Entry *struct {
				Room, Epoch string
				Seq         int
			}
			Gap *struct {
				Room     string
				From, To any
			}
		}
	}
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, e := range b.Events {
		if e.Gap != nil {
			list = append(list, fmt.Sprint("gap ", e.Gap.Room, " ", e.Gap.From, " ", e.Gap.To))
			continue
		}
		list = append(list, fmt.Sprint(e.Entry.Room, " ", e.Entry.Seq))
	}
	return b.From, b.To, list
}

func journals(t *testing.T, f func(t *testing.T, j journal.Journal)) {
	keep := func(room string) journal.Retention {
		if room == "short" {
			return journal.Retention{Count: 2}
		}
		return journal.Retention{}
	}
	t.Run("memory", func(t *testing.T) {
		j := memjournal.New(memjournal.Options{Retention: keep})
		defer j.Close()
		f(t, j)
	})
	t.Run("pebble", func(t *testing.T) {
		j, err := pebblejournal.Open(pebblejournal.Options{Dir: t.TempDir(), Retention: keep})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		f(t, j)
	})
}

// Whoever goes on behind "to" gets everything once, in each room's order, page by page.
func TestPull_PageByPage_GetsEverything(t *testing.T) {
	journals(t, func(t *testing.T, j journal.Journal) {
		f := New(j)
		defer f.Close()
		want := map[string]int{}
		for i := range 57 {
			room := fmt.Sprint("r", i%4)
			want[room] = int(put(t, j, room).Seq)
			put(t, j, "@hidden")
		}
		after, seen := "", map[string]int{}
		for pages := 0; ; pages++ {
			text, err := f.Pull(t.Context(), Query{After: after, Limit: 5, Filter: all(t)})
			if err != nil {
				t.Fatal(err)
			}
			from, to, list := decoded(t, text)
			if after != "" && from != after {
				t.Fatalf("asked behind %s, and got what is behind %s", after, from)
			}
			if len(list) > 5 {
				t.Fatalf("%d events", len(list))
			}
			for _, e := range list {
				room, seq := "", 0
				if _, err := fmt.Sscan(e, &room, &seq); err != nil || seq != seen[room]+1 {
					t.Fatalf("%s comes after %d", e, seen[room])
				}
				seen[room] = seq
			}
			if after = to; len(list) == 0 {
				break
			}
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", seen, want)
		}
	})
}

func TestPull_Now_Waits(t *testing.T) {
	journals(t, func(t *testing.T, j journal.Journal) {
		f := New(j)
		defer f.Close()
		put(t, j, "tea")
		got := make(chan []byte)
		go func() {
			text, _ := f.Pull(t.Context(), Query{After: "now", Wait: MaxWait, Filter: all(t)})
			got <- text
		}()
		for listening := false; !listening; time.Sleep(time.Millisecond) {
			f.mu.Lock()
			listening = len(f.listeners) > 0 && f.listeners[0].need.Load() > 0
			f.mu.Unlock()
		}
		put(t, j, "@hidden")
		put(t, j, "tea")
		if _, _, list := decoded(t, <-got); !slices.Equal(list, []string{"tea 2"}) {
			t.Errorf("%q", list)
		}
		text, err := f.Pull(t.Context(), Query{After: "now", Filter: all(t)})
		if _, _, list := decoded(t, text); err != nil || len(list) != 0 {
			t.Errorf("%q %v", list, err)
		}
	})
}

func TestPull_WaitsAsLongAsItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(memjournal.Options{})
		defer j.Close()
		f := New(j)
		defer f.Close()
		for wait, want := range map[time.Duration]time.Duration{0: 0, 7 * time.Second: 7 * time.Second, time.Hour: time.Minute} {
			began := time.Now()
			if _, err := f.Pull(t.Context(), Query{Wait: wait, Filter: all(t)}); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(began); got != want {
				t.Errorf("asked to wait %v, it waited %v", wait, got)
			}
		}
	})
}

// What is lost is said: positions of another store, of a store put back, and entries that
// retention has removed.
func TestPull_Losses_AreGaps(t *testing.T) {
	journals(t, func(t *testing.T, j journal.Journal) {
		f := New(j)
		defer f.Close()
		for range 5 {
			put(t, j, "short")
		}
		last := put(t, j, "tea")
		if err := j.Trim(t.Context(), "short", 5); err != nil {
			t.Fatal(err)
		}
		text, err := f.Pull(t.Context(), Query{Filter: all(t)})
		if err != nil {
			t.Fatal(err)
		}
		from, to, list := decoded(t, text)
		if !slices.Equal(list, []string{"gap short 1 4", "short 5", "tea 1"}) {
			t.Errorf("%q", list)
		}
		for after, want := range map[string]string{
			"other-0-17":                       "gap  other-0-17 " + from,
			Text(last.Epoch, 0, 1<<40):         "gap  " + Text(last.Epoch, 0, 1<<40) + " " + to,
			Text(last.Epoch, 1, last.Position): "gap  " + Text(last.Epoch, 1, last.Position) + " " + from,
		} {
			text, err := f.Pull(t.Context(), Query{After: after, Filter: all(t)})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, list := decoded(t, text); list[0] != want {
				t.Errorf("after %s: %q, want %q", after, list, want)
			}
		}
		for _, after := range []string{"x", "1", "a-1", "a-b-1", "-0-1", "now ", fmt.Sprint(text)} {
			if _, err := f.Pull(t.Context(), Query{After: after, Filter: all(t)}); !errors.Is(err, ErrPosition) {
				t.Errorf("after %.20q: %v", after, err)
			}
		}
	})
}

// An event that nobody has read in time is told of as a gap: beyond 8 MiB of a room of events
// the numbers that are missing, and after 72 hours everything up to a position. The documents
// name the bounds and the rooms.
func TestPull_EventsThatWereForgotten_AreGaps(t *testing.T) {
	rooms := fmt.Sprintf("`@hub-0` to `@hub-%d`", journal.EventRooms-1)
	for file, parts := range map[string][]string{
		"PROTOCOL.md": {rooms},
		"docs/webhooks.md": {rooms, fmt.Sprintf("keeps them for %.0f hours, in %d rooms of its own", journal.EventsKept.Age.Hours(), journal.EventRooms),
			fmt.Sprintf("of each it keeps the newest %d MiB", journal.EventsKept.Bytes>>20)},
	} {
		text, err := os.ReadFile("../../../" + file)
		for _, part := range parts {
			if err != nil || !strings.Contains(strings.Join(strings.Fields(string(text)), " "), part) {
				t.Errorf("%s does not say %q, %v", file, part, err)
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(memjournal.Options{Retention: func(string) journal.Retention { return journal.Retention{Count: 1} }})
		defer j.Close()
		f := New(j)
		defer f.Close()
		filter, err := NewFilter([]string{events.Missed}, nil)
		if err != nil {
			t.Fatal(err)
		}
		users := make([]string, 100)
		for i := range users {
			users[i] = strings.Repeat("u", 125) + fmt.Sprint(i)
		}
		missed := func(seq int) (size int64) {
			e, err := (&events.Event{Type: events.Missed, Room: "team", Seq: journal.Seq(seq), Users: users}).Entry()
			done := make(chan error, 1)
			j.Append(t.Context(), e, func(_ journal.Receipt, err error) { done <- err })
			if err = errors.Join(err, <-done); err != nil {
				t.Fatal(err)
			}
			return int64(e.Size())
		}
		begin, err := f.Now(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		var each int64
		const said = 800
		for i := range said {
			each = missed(i + 1)
		}
		if each*said < journal.EventsKept.Bytes*5/4 {
			t.Fatalf("%d events of %d bytes are too few", said, each)
		}
		gap, first, last := pulledEvents(t, f, begin, filter)
		room := journal.EventRoom("team")
		if n, err := strconv.Atoi(strings.TrimPrefix(room, "@hub-")); err != nil || n < 0 || n >= journal.EventRooms {
			t.Errorf("the events are in %s", room)
		}
		if want := fmt.Sprint("gap ", room, " 1 ", first-1); gap != want || last != said {
			t.Errorf("%q, and events %d to %d; want %q", gap, first, last, want)
		}
		if kept := int64(last-first+1) * each; kept > journal.EventsKept.Bytes || kept < journal.EventsKept.Bytes*9/10 {
			t.Errorf("%d bytes are kept, of %d", kept, journal.EventsKept.Bytes)
		}
		time.Sleep(journal.EventsKept.Age + time.Hour)
		missed(said + 1)
		gap, first, last = pulledEvents(t, f, begin, filter)
		if !strings.HasPrefix(gap, "gap  "+begin+" ") || first != said+1 || last != said+1 {
			t.Errorf("after 73 hours: %q, and events %d to %d", gap, first, last)
		}
	})
}

// pulledEvents returns the gap that comes first, and the messages that the first and the
// last event are about. There must be no other gap.
func pulledEvents(t *testing.T, f *Feed, after string, filter *Filter) (gap string, first, last int) {
	t.Helper()
	for {
		text, err := f.Pull(t.Context(), Query{After: after, Limit: MaxLimit, Filter: filter})
		if err != nil {
			t.Fatal(err)
		}
		var b struct {
			To     string
			Events []struct {
				Event *struct{ Seq int }
				Gap   *struct {
					Room     string
					From, To any
				}
			}
		}
		if err := json.Unmarshal(text, &b); err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Events {
			switch {
			case e.Gap != nil && (gap != "" || first > 0):
				t.Errorf("another gap: %+v", e.Gap)
			case e.Gap != nil:
				gap = fmt.Sprint("gap ", e.Gap.Room, " ", e.Gap.From, " ", e.Gap.To)
			default:
				if last > 0 && e.Event.Seq != last+1 {
					t.Errorf("event %d follows %d", e.Event.Seq, last)
				}
				if last = e.Event.Seq; first == 0 {
					first = last
				}
			}
		}
		if after = b.To; len(b.Events) == 0 {
			return gap, first, last
		}
	}
}

func TestSince_FindsTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(memjournal.Options{})
		defer j.Close()
		f := New(j)
		defer f.Close()
		began := time.Now()
		var at []journal.Position
		for range 50 {
			at = append(at, put(t, j, "tea").Position)
			time.Sleep(time.Minute)
		}
		for minutes, want := range map[int]journal.Position{-9: at[0] - 1, 0: at[0] - 1, 1: at[0], 30: at[29], 49: at[48], 99: at[49]} {
			got, err := f.Since(t.Context(), 0, began.Add(time.Duration(minutes)*time.Minute))
			if _, _, p, _ := Split(got); err != nil || p != want {
				t.Errorf("minute %d: %s, want %d, %v", minutes, got, want, err)
			}
		}
	})
}
