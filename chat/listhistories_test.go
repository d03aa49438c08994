package chat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// listing is a client that keeps its list by what it is told.
type listing struct {
	*client
	name string
	rows map[string]map[string]any // by room
	at   string                    // of the last list
}

// open connects with the list, and drops what it had if it must.
func (l *listing) open(url string) {
	l.t.Helper()
	l.client = dialV1(l.t, url)
	l.send(fmt.Sprintf(`{"type":"hello","token":%q,"list":{"limit":200,"since":%q}}`, l.name, l.at))
	var f struct {
		List struct {
			At   string
			All  bool
			Rows []map[string]any
		}
	}
	if err := json.Unmarshal([]byte(l.any()), &f); err != nil {
		l.t.Fatal(err)
	}
	if l.at = f.List.At; f.List.All {
		l.rows = map[string]map[string]any{}
	}
	for _, row := range f.List.Rows {
		l.take(row)
	}
}

func (l *listing) take(row map[string]any) {
	if row["gone"] == true {
		delete(l.rows, row["room"].(string))
		return
	}
	delete(row, "type")
	l.rows[row["room"].(string)] = row
}

// hear applies what comes until an answer with this id.
func (l *listing) hear(id string) map[string]any {
	l.t.Helper()
	for {
		var f map[string]any
		if err := json.Unmarshal([]byte(l.any()), &f); err != nil {
			l.t.Fatal(err)
		}
		switch f["type"] {
		case "row":
			l.take(f)
		case "head":
			row := l.rows[f["room"].(string)]
			if row == nil { // of two, who have said nothing before
				l.send(fmt.Sprintf(`{"type":"list","id":"unknown","rooms":[%q]}`, f["room"]))
				continue
			}
			if f["last"].(float64) <= row["last"].(float64) {
				continue
			}
			if f["count"].(float64) > row["count"].(float64) {
				delete(row, "hidden")
			}
			row["unread"] = row["unread"].(float64) + f["count"].(float64) - row["count"].(float64)
			for _, name := range []string{"last", "at", "count", "entry", "cut", "title", "avatar", "closed", "size"} {
				switch value := f[name]; value {
				case nil:
				case "", false:
					delete(row, name)
				default:
					row[name] = value
				}
			}
		}
		if f["id"] == "unknown" {
			for _, row := range f["rows"].([]any) {
				l.take(row.(map[string]any))
			}
		}
		if f["id"] == id {
			return f
		}
	}
}

// check compares the list that was kept with one that is asked for now, once nothing is on
// its way any more.
func (l *listing) check(step int) {
	l.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		l.send(`{"type":"list","id":"l","limit":200}`)
		fresh := map[string]any{}
		for _, row := range l.hear("l")["rows"].([]any) {
			fresh[row.(map[string]any)["room"].(string)] = row
		}
		kept := map[string]any{}
		for room, row := range l.rows {
			if row["hidden"] != true {
				kept[room] = row
			}
		}
		if reflect.DeepEqual(kept, fresh) {
			return
		}
		if time.Now().After(deadline) {
			a, _ := json.MarshalIndent(kept, "", " ")
			b, _ := json.MarshalIndent(fresh, "", " ")
			l.t.Fatalf("step %d: %s has the list\n%s\nbut it is\n%s", step, l.name, a, b)
		}
		l.send(`{"type":"ping","id":"p"}`)
		l.hear("p")
		time.Sleep(20 * time.Millisecond)
	}
}

// Two users with two devices each, and one with one, on two nodes, whose connections break, do
// what they like; the one is erased now and then, and the policies of each node change. Every
// list that is kept by what is told always becomes the list that is there.
func TestList_RandomHistories_StayRight(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	h := newHistory(t, rand.New(rand.NewPCG(seed, 0)))
	for step := range 400 {
		h.step(step)
		if step%20 == 19 {
			for _, l := range h.all {
				l.check(step)
			}
		}
	}
}

// history is what some users do, at random.
type history struct {
	t      *testing.T
	random *rand.Rand
	urls   [2]string // by node
	hubs   [2]*chat.Hub
	all    []*listing // cy's is the last
	rooms  []string
}

func newHistory(t *testing.T, random *rand.Rand) *history {
	h := &history{t: t, random: random}
	store := memjournal.NewStore(memjournal.Options{})
	set := chat.Settings{Policies: chatApp(t), NewRooms: access.Rate{PerSecond: 1000, Burst: 1000}}
	unhurried(&set)
	for node := range h.urls {
		h.urls[node], h.hubs[node] = serve(t, chat.Config{Settings: set, Journal: store.Open()}, &chat.Handler{Auth: tokens{}})
	}
	for i, name := range []string{"ann", "ben", "ann", "ben", "cy"} {
		l := &listing{client: &client{t: t}, name: name}
		l.open(h.urls[i/2%2])
		h.all = append(h.all, l)
	}
	return h
}

func (h *history) room() string            { return h.one(h.rooms...) }
func (h *history) user() string            { return h.one("ann", "ben", "cy") }
func (h *history) seq() int                { return 1 + h.random.IntN(40) }
func (h *history) bool() bool              { return h.random.IntN(2) == 0 }
func (h *history) one(of ...string) string { return of[h.random.IntN(len(of))] }

// step is one act of one device, or of an operator.
func (h *history) step(step int) {
	h.t.Helper()
	l := h.all[h.random.IntN(len(h.all))]
	other := h.user()
	do := func(format string, args ...any) map[string]any {
		l.send(fmt.Sprintf(format, args...))
		return l.hear("x")
	}
	if len(h.rooms) == 0 {
		for _, name := range []string{"ann", "ben", "cy"} {
			if name != l.name {
				h.rooms = append(h.rooms, do(`{"type":"create","id":"x","direct":%q}`, name)["room"].(string))
			}
		}
	}
	switch n := h.random.IntN(24); n {
	case 0:
		if made := do(`{"type":"create","id":"x","key":"%d","users":["ann","ben"],"pattern":%q}`, step%50, h.one("g-*", "c-*")); made["room"] != nil && len(h.rooms) < 14 {
			h.rooms = append(h.rooms, made["room"].(string))
		}
	case 1:
		if made := do(`{"type":"create","id":"x","direct":%q}`, other); made["room"] != nil {
			h.rooms = append(h.rooms, made["room"].(string))
		}
	case 2, 3, 4, 5, 6:
		room := h.room()
		do(`{"type":"join","id":"x","room":%q}`, room)
		do(`{"type":"send","id":"x","room":%q,"body":{"text":"%d"}}`, room, step)
	case 7:
		do(`{"type":"leave","id":"x","room":%q}`, h.room())
	case 8, 9:
		do(`{"type":"read","id":"x","room":%q,"seq":%d}`, h.room(), h.seq())
	case 10, 11:
		do(`{"type":"member","id":"x","room":%q,"users":[%q],"role":%q}`, h.room(), other, h.one("none", "member", "admin", "owner"))
	case 12:
		do(`{"type":"info","id":"x","room":%q,%s}`, h.room(), h.one(`"closed":true`, `"closed":false`, `"avatar":"https://a"`, `"avatar":""`, fmt.Sprintf(`"title":"%d"`, step)))
	case 13, 14:
		do(`{"type":"set","id":"x","room":%q,%s}`, h.room(), h.one(`"top":true`, `"notify":false`, `"notify":true`, `"hide":true`, `"hide":false`, `"clear":true`, `"top":false`))
	case 15:
		do(`{"type":"set","id":"x","room":%q,"block":%t}`, h.room(), h.bool())
	case 16:
		do(`{"type":"recall","id":"x","room":%q,"seq":%d}`, h.room(), h.seq())
	case 17:
		do(`{"type":"send","id":"x","room":%q,"mentions":[%q],"quiet":%t,"body":"at %d"}`, h.room(), h.one(other, "*"), h.bool(), step)
	case 18:
		do(`{"type":"edit","id":"x","room":%q,"seq":%d,"body":"edited %d"}`, h.room(), h.seq(), step)
	case 19:
		do(`{"type":"tag","id":"x","room":%q,"seq":%d,"tag":"x","value":%t}`, h.room(), h.seq(), h.bool())
	case 20:
		do(`{"type":"kick","id":"x","room":%q,"user":%q}`, h.room(), other)
	case 21:
		do(`{"type":"ban","id":"x","room":%q,"user":%q,"for":%s}`, h.room(), other, h.one("0", "1", "60000"))
	case 22:
		l.closeNow()
		l.open(h.urls[h.random.IntN(2)])
	case 23:
		h.operate()
	}
}

// operate is one act of an operator.
func (h *history) operate() {
	h.t.Helper()
	node := h.random.IntN(2)
	hub := h.hubs[node]
	var err error
	switch h.random.IntN(5) {
	case 0, 1:
		set := hub.Settings()
		set.Policies = readers(h.t, h.one("members", "admins"))
		hub.Configure(set)
	case 2:
		err = hub.Ban(h.room(), h.user(), time.Duration(h.random.IntN(2))*time.Minute)
	case 3:
		_, err = hub.EraseRoom(h.t.Context(), h.room())
		for _, l := range h.all { // those in the room have been ended
			l.closeNow()
			l.open(h.urls[h.random.IntN(2)])
		}
	case 4:
		cy := h.all[len(h.all)-1]
		if _, err = hub.EraseUser(h.t.Context(), cy.name); err == nil {
			cy.closeNow() // a node that was not asked does not end the session
			cy.open(h.urls[node])
		}
	}
	var refused *wire.Error
	if err != nil && !errors.As(err, &refused) {
		h.t.Fatal(err)
	}
}
