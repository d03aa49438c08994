package chat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// roundTrips is a journal that notes each call that a database would answer.
type roundTrips struct{ *counted }

func (j roundTrips) Pages(ctx context.Context, q []journal.Query, bytes int) ([]journal.Page, error) {
	j.note("pages")
	return j.counted.Journal.Pages(ctx, q, bytes)
}

// A hello takes as many round trips to the database with 100 rooms as with two: at most three. Somebody is in the rooms
// already; one in which nobody is follows the journal first. Where there are conversations it takes six, and nine for those of
// two: what is shown of the user is noted, and it is asked twice who the user is there, before and after coming in.
func TestHello_RoundTrips(t *testing.T) {
	for _, kind := range []struct {
		name   string
		create string // %d is a number; empty: the rooms have no members
		most   int
	}{
		{"rooms", "", 3},
		{"groups", `"key":"k%d","pattern":"c-*","users":["ann"]`, 6},
		{"of two", `"direct":"u%d"`, 9},
	} {
		t.Run(kind.name, func(t *testing.T) {
			for _, n := range []int{2, 100} {
				if asked := helloWith(t, n, kind.create); len(asked) > kind.most {
					t.Errorf("a hello with %d rooms took %d round trips: %q", n, len(asked), asked)
				}
			}
		})
	}
}

// helloWith returns what a hello asks of the journal that comes into n rooms in which somebody is. create is how each is
// founded.
func helloWith(t *testing.T, n int, create string) []string {
	j := roundTrips{&counted{Journal: memjournal.New(memjournal.Options{})}}
	fast := access.Rate{PerSecond: 1e6, Burst: 1e6}
	set := chat.Settings{CreateRate: fast, SessionRate: fast, UserRate: fast, NewRooms: fast}
	if create != "" {
		set.Policies = chatApp(t)
	}
	url, hub := serve(t, chat.Config{Journal: j, Settings: set}, &chat.Handler{Auth: tokens{}})
	founder := dialV1(t, url).hello(`,"token":"ben"`)
	var rooms []string
	for i := range n {
		room := fmt.Sprint("r", i)
		if create != "" {
			room = founder.create(fmt.Sprintf(create, i))
		}
		if _, err := hub.Announce(t.Context(), room, []byte(`"1"`)); err != nil {
			t.Fatal(err)
		}
		rooms = append(rooms, fmt.Sprintf(`{"room":%q}`, room))
	}
	all := `,"token":"ben","rooms":[` + strings.Join(rooms, ",") + `]`
	dialV1(t, url).hello(all)
	j.take()
	dialV1(t, url).hello(all)
	asked := j.take()
	for i := range asked {
		asked[i] = asked[i][:min(len(asked[i]), 60)]
	}
	return asked
}

// Who names more rooms than one may be in makes nobody look for all of them at once.
func TestHello_ManyNames_AreAskedInParts(t *testing.T) {
	j := roundTrips{&counted{Journal: memjournal.New(memjournal.Options{})}}
	url, _ := serve(t, chat.Config{Journal: j, Settings: chat.Settings{Policies: chatApp(t), MaxRooms: 2}}, &chat.Handler{Auth: tokens{}})
	var rooms []string
	for i := range 50 {
		rooms = append(rooms, fmt.Sprintf(`{"room":"c-%d"}`, i))
	}
	dialV1(t, url).hello(`,"token":"ben","rooms":[` + strings.Join(rooms, ",") + `]`)
	for _, asked := range j.take() {
		if n := strings.Count(asked, `"room\x00`); n > 2 {
			t.Errorf("%d rooms were looked for at once", n)
		}
	}
}

// What a hello names beyond the rooms that one may be in is asked of nobody, also if none of the
// others was joined.
func TestHello_RoomsBeyondTheLimit_AskNothing(t *testing.T) {
	j := roundTrips{&counted{Journal: memjournal.New(memjournal.Options{})}}
	url, _ := serve(t, chat.Config{Journal: j, Settings: chat.Settings{Policies: chatApp(t)}}, &chat.Handler{Auth: tokens{}})
	const named, limit = 1000, 100
	var rooms []string
	for i := range named {
		rooms = append(rooms, fmt.Sprintf(`{"room":"c-nobody-founded-%d"}`, i))
	}
	dialV1(t, url).hello(`,"token":"ben"`)
	j.take()
	c := dialV1(t, url)
	c.send(`{"type":"hello","token":"ben","rooms":[` + strings.Join(rooms, ",") + `]}`)
	welcome := c.any()
	if got := strings.Count(welcome, `"forbidden"`); got != limit {
		t.Errorf("%d rooms are forbidden, want %d", got, limit)
	}
	if got := strings.Count(welcome, `"too_many_rooms"`); got != named-limit {
		t.Errorf("%d rooms are too many, want %d", got, named-limit)
	}
	if calls := j.take(); len(calls) > 6 {
		t.Errorf("%d round trips", len(calls))
	}
}
