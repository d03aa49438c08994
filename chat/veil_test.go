package chat_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// What edits and tags say of a message is not for who is not shown that message: they get
// the entries without it, live, when they join, come back or read the history, and over
// HTTP. Whoever is shown the message gets them whole.
func TestVeil_EditsAndTags_SayNothingOfHiddenMessages(t *testing.T) {
	onlyNew := access.Policies{{Pattern: "*", Read: who(t, "anyone"), Write: who(t, "anyone"), Moderate: who(t, "users"), History: access.History{Entries: -1}}}
	aged := access.Policies{{Pattern: "*", Read: who(t, "anyone"), Write: who(t, "anyone"), Moderate: who(t, "users"), History: access.History{Age: time.Minute}}}
	for name, c := range map[string]struct {
		policies access.Policies
		found    func(ann *client) string
		comes    func(ann, ben *client, room string) // ben is shown nothing that was said before
	}{
		"history joined": {chatApp(t), func(ann *client) string { return ann.create(`"key":"k"`) }, func(ann, _ *client, room string) {
			ann.ask(fmt.Sprintf(`{"type":"member","id":"?","room":%q,"users":["ben"],"role":"member"}`, room))
		}},
		"cleared": {chatApp(t), func(ann *client) string { return ann.create(`"key":"k","users":["ben"]`) }, func(_, ben *client, room string) {
			ben.ask(fmt.Sprintf(`{"type":"set","id":"?","room":%q,"clear":true}`, room))
		}},
		"cleared live": {chatApp(t), func(ann *client) string { return ann.create(`"key":"k","users":["ben"]`) }, func(_, ben *client, room string) {
			ben.ask(fmt.Sprintf(`{"type":"join","id":"?","room":%q}`, room))
			ben.ask(fmt.Sprintf(`{"type":"set","id":"?","room":%q,"clear":true}`, room))
		}},
		"history none": {onlyNew, func(*client) string { return "tea" }, func(_, _ *client, _ string) {}},
		"history 1m":   {aged, func(*client) string { return "tea" }, func(_, _ *client, _ string) { time.Sleep(2 * time.Minute) }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, chat.Settings{Policies: c.policies}, tokens{}, func(t *testing.T, b *bubble) {
				ann, ben := b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"ben"`)
				room := c.found(ann)
				must := func(by *client, format string, args ...any) {
					t.Helper()
					if got := by.ask(fmt.Sprintf(format, args...)); got != "" && got != "nothing" {
						t.Fatalf("%s: %s", format, got)
					}
					synctest.Wait()
				}
				must(ann, `{"type":"join","id":"?","room":%q}`, room)
				first := nextSeq(ann, room)
				must(ann, `{"type":"send","id":"?","room":%q,"body":"hidden"}`, room)
				c.comes(ann, ben, room)
				must(ben, `{"type":"join","id":"?","room":%q}`, room)
				shown := nextSeq(ann, room)
				must(ann, `{"type":"send","id":"?","room":%q,"body":"shown"}`, room)
				whole := b.connect().hello(fmt.Sprintf(`,"token":"ann","rooms":[{"room":%q}]`, room))
				for _, seq := range []int{first, shown} {
					must(ann, `{"type":"edit","id":"?","room":%q,"seq":%d,"body":"secret %d"}`, room, seq, seq)
					must(ann, `{"type":"tag","id":"?","room":%q,"seq":%d,"tag":"secret %d","value":true}`, room, seq, seq)
					must(ann, `{"type":"tag","id":"?","room":%q,"seq":%d,"tag":"pin","value":"secret %d","shared":true}`, room, seq, seq)
				}
				bare := fmt.Sprintf(`{"type":"edited","room":%q,"seq":%d,"at":"…","from":"…","target":%d}`, room, shown+1, first)
				live := drain(ben)
				check := func(door, got string) {
					t.Helper()
					if strings.Contains(got, fmt.Sprintf("secret %d", first)) || strings.Contains(got, "hidden") {
						t.Errorf("%s reveals what is hidden: %s", door, got)
					}
					if n := strings.Count(got, fmt.Sprintf("secret %d", shown)); n < 3 {
						t.Errorf("%s has %d of what is shown: %s", door, n, got)
					}
				}
				check("live", strings.Join(live, "\n"))
				found := false
				for _, frame := range live {
					if typeOf(frame) == "edited" && !found {
						ben.match(bare, frame)
						found = true
					}
				}
				frames := map[string]string{
					"history": fmt.Sprintf(`{"type":"history","id":"?","room":%q}`, room),
					"after":   fmt.Sprintf(`{"type":"history","id":"?","room":%q,"after":%d}`, room, shown-1),
					"join":    fmt.Sprintf(`{"type":"join","id":"?","room":%q}`, room),
					"resume":  fmt.Sprintf(`{"type":"join","id":"?","room":%q,"epoch":%q,"after":%d}`, room, epochOf(ben, room), shown-1),
				}
				for door, frame := range frames {
					ben.send(frame)
					check(door, ben.any())
				}
				fresh := b.connect()
				fresh.send(fmt.Sprintf(`{"type":"hello","token":"ben","rooms":[{"room":%q}],"list":{}}`, room))
				check("hello", fresh.any())
				check("GET", serveMessages(b.handler, newRequest(http.MethodGet, "ben", ""), room).Body.String())
				state := httptest.NewRecorder()
				b.handler.ServeRequest(state, newRequest(http.MethodGet, "ben", ""), "/rooms/"+room)
				ben.send(frames["join"])
				for door, got := range map[string]string{"GET of the state": state.Body.String(), "join": ben.until("joined")} {
					if !strings.Contains(got, fmt.Sprintf(`"pins":[%d]`, shown)) {
						t.Errorf("%s has other pins than that of the message that is shown, %d: %s", door, shown, got)
					}
				}
				if got := strings.Join(drain(whole), "\n"); strings.Count(got, fmt.Sprintf("secret %d", first)) != 3 {
					t.Errorf("who is shown the message misses its edit: %s", got)
				}
				for act, fields := range map[string]string{"tag": `"tag":"x","value":true`, "edit": `"body":1`} {
					ben.send(fmt.Sprintf(`{"type":%q,"id":"?","room":%q,"seq":%d,%s}`, act, room, first, fields))
					ben.match(`{"type":"error","code":"not_found","…":"…"}`, ben.until("error"))
				}
				// What is held while a client joins is told in the same way.
				must(ann, `{"type":"edit","id":"?","room":%q,"seq":%d,"body":"secret %d"}`, room, first, first)
				must(ann, `{"type":"edit","id":"?","room":%q,"seq":%d,"body":"secret %d"}`, room, shown, shown)
				got := strings.Join(drain(fresh), "\n")
				if strings.Contains(got, fmt.Sprintf("secret %d", first)) || !strings.Contains(got, fmt.Sprintf("secret %d", shown)) {
					t.Errorf("live after hello: %s", got)
				}
			})
		})
	}
}

// drain returns the frames that have come.
func drain(c *client) (frames []string) {
	synctest.Wait()
	for {
		select {
		case got := <-c.frames:
			frames = append(frames, string(got))
		default:
			return frames
		}
	}
}

// nextSeq returns the number that the next entry of a room gets.
func nextSeq(c *client, room string) int {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"type":"join","room":%q}`, room))
	var f struct{ Last int }
	if err := json.Unmarshal([]byte(c.until("joined")), &f); err != nil {
		c.t.Fatal(err)
	}
	return f.Last + 1
}

func epochOf(c *client, room string) string {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"type":"history","room":%q,"limit":1}`, room))
	return fieldOf(c.t, c.until("history"), "epoch")
}
