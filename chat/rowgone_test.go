package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// That a row is gone is told to each device that had it, once, with nothing but the name; and
// to nobody else, whichever of two nodes they are on, and however the row went.
func TestList_Gone_IsToldOnceToWhoHadTheRow(t *testing.T) {
	var store *memjournal.Store
	set := chat.Settings{Policies: chatApp(t)}
	onJournal(t, func() chat.Config {
		store = memjournal.NewStore(memjournal.Options{})
		return chat.Config{Settings: set, Journal: store.Open()}
	}, tokens{}, alone, func(t *testing.T, b *bubble) { toldOnce(t, b, store) })
}

func toldOnce(t *testing.T, b *bubble, store *memjournal.Store) {
	second, err := chat.NewHub(chat.Config{Settings: b.hub.Settings(), Journal: store.Open()})
	if err != nil {
		t.Fatal(err)
	}
	hubs := [2]*chat.Hub{b.hub, second}
	var devices [2]map[string]*client // by node
	for node := range devices {
		b.hub, b.handler.Hub = hubs[node], hubs[node]
		devices[node] = map[string]*client{}
		for _, name := range []string{"ann", "ben", "eve"} {
			devices[node][name] = b.connect().openList(name)
		}
	}
	ann, ben := devices[0]["ann"], devices[1]["ben"]
	configure := func(policies access.Policies) {
		for _, hub := range hubs {
			set := hub.Settings()
			set.Policies = policies
			hub.Configure(set)
		}
	}
	n := 0
	for what, c := range map[string]struct {
		direct bool
		goes   func(room string)
		who    string // loses the row
	}{
		"removed": {false, func(g string) {
			ann.answered(`{"type":"member","id":"?","room":"` + g + `","users":["ben"],"role":"none"}`)
		}, "ben"},
		"kicked": {false, func(g string) { ann.answered(`{"type":"kick","id":"?","room":"` + g + `","user":"ben"}`) }, "ben"},
		"banned": {false, func(g string) { ann.answered(`{"type":"ban","id":"?","room":"` + g + `","user":"ben"}`) }, "ben"},
		"left": {false, func(g string) {
			ben.send(`{"type":"member","room":"` + g + `","users":["ben"],"role":"none"}`)
		}, "ben"},
		"erased": {false, func(g string) {
			if _, err := hubs[0].EraseRoom(t.Context(), g); err != nil {
				t.Error(err)
			}
		}, "ann ben"},
		"without its policy": {false, func(string) { configure(access.Policies{{Pattern: "*"}}) }, "ann ben"},
		"of two, silent":     {true, func(string) { configure(access.Policies{{Pattern: "*"}}) }, ""},
		"of two, erased and founded anew": {true, func(d string) {
			if _, err := hubs[0].Announce(t.Context(), d, []byte(`"hi"`)); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute)
			if _, err := hubs[0].EraseRoom(t.Context(), d); err != nil {
				t.Error(err)
			}
			ann.answered(`{"type":"create","id":"?","direct":"ben"}`)
		}, "ann ben"},
	} {
		n++
		create := fmt.Sprintf(`{"type":"create","id":"?","key":"%d","users":["ben"]}`, n)
		if c.direct {
			create = `{"type":"create","id":"?","direct":"ben"}`
		}
		room := fieldOf(t, ann.answered(create), "room")
		time.Sleep(time.Minute)
		for node := range devices {
			for _, c := range devices[node] {
				c.answered(`{"type":"list","id":"?"}`)
			}
		}
		c.goes(room)
		time.Sleep(time.Minute) // nothing comes twice: several rounds of telling
		for node := range devices {
			for name, device := range devices[node] {
				var told []string
				device.send(`{"type":"ping","id":"?"}`)
				for frame := device.any(); typeOf(frame) != "pong"; frame = device.any() {
					if strings.Contains(frame, room) && typeOf(frame) != "head" {
						told = append(told, frame)
					}
				}
				want := 0
				if strings.Contains(c.who, name) {
					want = 1
				}
				gone := fmt.Sprintf(`{"type":"row","room":%q,"gone":true}`, room)
				if count := strings.Count(strings.Join(told, ""), gone); count != want || (want > 0 || name == "eve") && strings.Count(strings.Join(told, ""), `"type":"row"`) != want {
					t.Errorf("%s: %s on node %d is told %v", what, name, node, told)
				}
			}
		}
		configure(chatApp(t))
		time.Sleep(time.Minute)
	}
	for _, hub := range hubs {
		b.hub = hub
		b.close()
	}
}
