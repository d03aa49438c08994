package missed

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/feed"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/online"
	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

// hub is what a hub has of this.
type hub struct {
	*Missed
	t testing.TB
}

func newHub(t testing.TB, j journal.Journal) *hub {
	f, w := feed.New(j), events.New(j, zap.NewNop(), timing.New(context.Background()))
	w.Configure(events.Types())
	o := online.New(online.Config{
		Journal: j, Events: w, Log: zap.NewNop(), Users: func(func(string)) {}, Away: func() time.Duration { return 30 * time.Second },
	})
	o.Configure(true)
	h := &hub{New(Config{
		Journal: j, Feed: f, Events: w, Online: o, Log: zap.NewNop(), IsConversation: func(room string) bool { return strings.HasPrefix(room, "g-") },
		Banned: func(user, room string) time.Duration {
			if user == "bad" && room == "g-1" {
				return time.Second
			}
			return 0
		},
	}), t}
	h.Configure(true)
	return h
}

func (h *hub) close() {
	h.Missed.Close()
	h.Online.Close()
	h.Feed.Close()
	h.Events.Close()
}

func (h *hub) put(e journal.Entry) (got journal.Receipt) {
	h.t.Helper()
	done := make(chan error, 1)
	h.Journal.Append(context.Background(), e, func(r journal.Receipt, err error) { got = r; done <- err })
	if err := <-done; err != nil {
		h.t.Fatal(err)
	}
	return got
}

// found founds a conversation of these users.
func (h *hub) found(room string, users ...string) {
	var others []journal.User
	for _, id := range users[1:] {
		others = append(others, journal.User{ID: id})
	}
	c, err := members.Found(room, journal.User{ID: users[0]}, others, members.Info{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.put(c.Entry())
}

func (h *hub) say(room, user string) journal.Seq {
	return h.put(journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: user}, Body: []byte(`{"text":"secret"}`)}).Seq
}

func (h *hub) set(user, room string, c list.Change) {
	if _, err := list.Set(h.t.Context(), h.Journal.Records(), user, room, &journal.Head{}, c); err != nil {
		h.t.Fatal(err)
	}
}

// missed returns the events: "g-1 2 ann,ben".
func (h *hub) missed() (all []string) {
	h.t.Helper()
	page, err := h.Journal.Feed(h.t.Context(), journal.FeedQuery{Limit: 1000})
	if err != nil {
		h.t.Fatal(err)
	}
	for i := range page.Entries {
		if head, ok := events.HeadOf(&page.Entries[i]); ok && head.Type == events.Missed {
			body := string(page.Entries[i].Body)
			if strings.Contains(body, "secret") {
				h.t.Errorf("an event shows what was said: %s", body)
			}
			body = strings.NewReplacer(`{"type":"missed","room":"`, "", `","seq":`, " ", `,"users":[`, " ", `"`, "", `]}`, "").Replace(body)
			all = append(all, body)
		}
	}
	return all
}

func (h *hub) want(want ...string) {
	h.t.Helper()
	synctest.Wait()
	if got := h.missed(); !slices.Equal(got, want) {
		h.t.Errorf("got %q\nwant %q", got, want)
	}
}

// Members who are offline and want to be told are told, once until they were online again,
// and of a room at most every 10 seconds.
func TestMissed_TellsWhoIsOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(memjournal.Options{})
		defer j.Close()
		h := newHub(t, j)
		defer h.close()
		yes, no := true, false
		h.Online.Came("ann")
		h.Online.Came("cid")
		h.found("g-1", "ann", "bad", "ben", "cid", "dee", "eve")
		h.set("dee", "g-1", list.Change{Notify: &no})
		h.set("eve", "g-1", list.Change{Block: &yes})
		time.Sleep(time.Minute)
		h.want() // what governs does not count
		h.say("g-1", "ann")
		h.say("lobby", "ann") // it has no members
		time.Sleep(time.Second)
		h.want("g-1 2 ben")

		h.Online.Went("cid")
		time.Sleep(20 * time.Second)
		h.say("g-1", "ann") // cid is not away yet
		time.Sleep(20 * time.Second)
		h.want("g-1 2 ben")
		h.say("g-1", "ann")
		time.Sleep(time.Second)
		h.say("g-1", "ann")
		time.Sleep(20 * time.Second)
		h.want("g-1 2 ben", "g-1 4 cid")

		h.Online.Came("ben")
		time.Sleep(time.Second)
		h.Online.Went("ben")
		time.Sleep(time.Minute)
		h.say("g-1", "ann")
		time.Sleep(time.Second)
		h.want("g-1 2 ben", "g-1 4 cid", "g-1 6 ben")
	})
}

// Many messages are one event every 10 seconds at most. Who said them has not missed them.
func TestMissed_OfARoom_AtMostEvery10Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(memjournal.Options{})
		defer j.Close()
		h := newHub(t, j)
		defer h.close()
		time.Sleep(time.Minute) // who begins to ask hears of what is said from then on
		h.found("g-1", "ann", "ben")
		h.found("g-2", "ann", "ben")
		h.say("g-1", "ann")
		h.say("g-2", "ann")
		time.Sleep(time.Second)
		h.say("g-1", "ben")
		h.say("g-1", "ben")
		time.Sleep(8 * time.Second)
		if got := h.missed(); len(got) != 2 {
			t.Errorf("got %q", got)
		}
		time.Sleep(2 * time.Second)
		if got := h.missed(); len(got) != 3 || got[2] != "g-1 4 ann" {
			t.Errorf("got %q", got)
		}
	})
}

// A large room is several events.
func TestMissed_ManyUsers_AreSeveralEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(memjournal.Options{})
		defer j.Close()
		h := newHub(t, j)
		defer h.close()
		users := []string{"ann"}
		for i := range 150 {
			users = append(users, fmt.Sprintf("u%03d", i))
		}
		time.Sleep(time.Minute)
		h.found("g-1", users...)
		h.say("g-1", "ann")
		time.Sleep(time.Second)
		got := h.missed()
		if len(got) != 2 || strings.Count(got[0], "u") != 100 || strings.Count(got[1], "u") != 50 {
			t.Errorf("got %q", got)
		}
	})
}

// After a crash nothing is left out, and nobody is told twice. What is old is told of to
// nobody.
func TestMissed_Crash_GoesOn(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) func() journal.Journal{
		"memory": func(*testing.T) func() journal.Journal {
			store := memjournal.NewStore(memjournal.Options{})
			return func() journal.Journal { return store.Open() }
		},
		"pebble": func(t *testing.T) func() journal.Journal {
			dir := t.TempDir()
			return func() journal.Journal {
				j, err := pebblejournal.Open(pebblejournal.Options{Dir: dir})
				if err != nil {
					t.Fatal(err)
				}
				return j
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			open := open(t)
			await := func(h *hub, want ...string) {
				t.Helper()
				var got []string
				for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
					if got = h.missed(); slices.Equal(got, want) {
						return
					}
				}
				t.Fatalf("got %q, want %q", got, want)
			}
			j := open()
			h := newHub(t, j)
			h.found("g-1", "ann", "ben")
			h.found("g-2", "ann", "ben")
			for kept := false; !kept; time.Sleep(10 * time.Millisecond) {
				r, err := j.Records().Get(t.Context(), "missed\x000")
				if err != nil {
					t.Fatal(err)
				}
				kept = r.Value != nil
			}
			h.say("g-1", "ann")
			await(h, "g-1 2 ben")
			h.Configure(false)
			h.say("g-2", "ann")
			h.close()
			j.Close()
			j = open()
			h = newHub(t, j)
			await(h, "g-1 2 ben", "g-2 2 ben")
			h.close()
			j.Close()
		})
	}
}
