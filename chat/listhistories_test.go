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

// open connects with the list, and drops what it had if it must. It returns whether it had to,
// and how many rows have come.
func (l *listing) open(url string) (all bool, rows int) {
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
	return f.List.All, len(f.List.Rows)
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
		if f := l.follow(l.any()); f["id"] == id {
			return f
		}
	}
}

// follow applies one frame, and asks for a row that is not known.
func (l *listing) follow(frame string) map[string]any {
	l.t.Helper()
	f, unknown := l.apply(frame)
	if unknown != "" {
		l.send(fmt.Sprintf(`{"type":"list","id":"unknown","rooms":[%q]}`, unknown))
	}
	return f
}

// apply applies one frame. It returns the room of a row that the client must ask for, if there
// is one.
func (l *listing) apply(frame string) (f map[string]any, unknown string) {
	l.t.Helper()
	if err := json.Unmarshal([]byte(frame), &f); err != nil {
		l.t.Fatal(err)
	}
	switch {
	case f["type"] == "row":
		l.take(f)
	case f["type"] == "head":
		row := l.rows[f["room"].(string)]
		if row == nil { // of two, who have said nothing before
			return f, f["room"].(string)
		}
		l.takeHead(row, f)
	case f["id"] == "unknown":
		for _, row := range f["rows"].([]any) {
			l.take(row.(map[string]any))
		}
	}
	return f, ""
}

func (l *listing) takeHead(row, f map[string]any) {
	if f["last"].(float64) <= row["last"].(float64) {
		return
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
	h := newHistory(t, rand.New(rand.NewPCG(seed, 0)), twoNodes(t))
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
	nodes  [2]node
	all    []*listing // cy's is the last
	rooms  []string
	blind  bool // nobody waits for answers
}

// node is where clients connect to, and how its operator is obeyed.
type node struct {
	url     string
	operate func(order) error
}

// order is what an operator wants.
type order struct {
	Readers string        // of groups, from now on
	Ban     string        // a user who is banned from Room
	For     time.Duration // that long; 0: no more
	Erase   string        // a user
	Room    string        // which is erased if nobody is banned from it
}

func newHistory(t *testing.T, random *rand.Rand, nodes [2]node) *history {
	h := &history{t: t, random: random, nodes: nodes}
	for i, name := range []string{"ann", "ben", "ann", "ben", "cy"} {
		l := &listing{client: &client{t: t}, name: name}
		l.open(h.nodes[i/2%2].url)
		h.all = append(h.all, l)
	}
	return h
}

// historySettings are those of the nodes.
func historySettings(t *testing.T, subjects ...string) chat.Settings {
	set := chat.Settings{Policies: readers(t, subjects...), NewRooms: access.Rate{PerSecond: 1000, Burst: 1000}}
	unhurried(&set)
	return set
}

// twoNodes serves one store twice.
func twoNodes(t *testing.T) (nodes [2]node) {
	store := memjournal.NewStore(memjournal.Options{})
	for i := range nodes {
		url, hub := serve(t, chat.Config{Settings: historySettings(t, "members"), Journal: store.Open()}, &chat.Handler{Auth: tokens{}})
		nodes[i] = node{url, func(o order) error { return o.obey(t, hub) }}
	}
	return nodes
}

// obey does what an operator wants, unless it is refused.
func (o order) obey(t *testing.T, hub *chat.Hub) (err error) {
	switch {
	case o.Readers != "":
		set := hub.Settings()
		set.Policies = readers(t, o.Readers)
		hub.Configure(set)
	case o.Ban != "":
		err = hub.Ban(o.Room, o.Ban, o.For)
	case o.Room != "":
		_, err = hub.EraseRoom(t.Context(), o.Room)
	default:
		_, err = hub.EraseUser(t.Context(), o.Erase)
	}
	var refused *wire.Error
	if errors.As(err, &refused) {
		return nil
	}
	return err
}

func (h *history) room() string            { return h.one(h.rooms...) }
func (h *history) user() string            { return h.one("ann", "ben", "cy") }
func (h *history) seq() int                { return 1 + h.random.IntN(40) }
func (h *history) bool() bool              { return h.random.IntN(2) == 0 }
func (h *history) one(of ...string) string { return of[h.random.IntN(len(of))] }

// step is one act of one device, or of an operator.
func (h *history) step(step int) {
	h.t.Helper()
	h.act(step, h.random.IntN(24))
}

func (h *history) act(step, n int) {
	h.t.Helper()
	l := h.all[h.random.IntN(len(h.all))]
	other := h.user()
	do := func(format string, args ...any) map[string]any {
		l.send(fmt.Sprintf(format, args...))
		if h.blind {
			return nil
		}
		return l.hear("x")
	}
	if len(h.rooms) == 0 {
		for _, name := range []string{"ann", "ben", "cy"} {
			if name != l.name {
				h.rooms = append(h.rooms, do(`{"type":"create","id":"x","direct":%q}`, name)["room"].(string))
			}
		}
	}
	switch n {
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
		l.open(h.nodes[h.random.IntN(2)].url)
	case 23:
		h.operate()
	}
}

// operate is one act of an operator.
func (h *history) operate() {
	h.t.Helper()
	n := h.nodes[h.random.IntN(2)]
	cy := h.all[len(h.all)-1]
	var o order
	switch h.random.IntN(5) {
	case 0, 1:
		o.Readers = h.one("members", "admins")
	case 2:
		o = order{Room: h.room(), Ban: h.user(), For: time.Duration(h.random.IntN(2)) * time.Minute}
	case 3:
		o.Room = h.room()
	case 4:
		o.Erase = cy.name
	}
	if err := n.operate(o); err != nil {
		h.t.Fatal(err)
	}
	switch {
	case o.Erase != "": // a node that was not asked does not end the session
		cy.closeNow()
		cy.open(n.url)
	case o.Room != "" && o.Ban == "": // those in the room have been ended
		for _, l := range h.all {
			l.closeNow()
			l.open(h.nodes[h.random.IntN(2)].url)
		}
	}
}
