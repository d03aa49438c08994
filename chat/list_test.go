package chat_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

func TestList_AsTheRoomsAre(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect()
		ann.send(`{"type":"hello","token":"ann","list":{}}`)
		ann.expect(`{"type":"welcome","list":{"at":"…","all":true,"live":"…","rows":[],"more":false,"unread":0},"…":"…"}`)
		ben := b.connect().hello(`,"token":"ben"`)
		g := ann.create(`"key":"k","title":"Trip","users":["ben"]`)
		time.Sleep(time.Second)
		d := ann.create(`"direct":"ben"`)
		say := func(c *client, room, text string) {
			c.send(fmt.Sprintf(`{"type":"join","room":%q}`, room))
			c.send(fmt.Sprintf(`{"type":"send","room":%q,"body":{"text":%q}}`, room, text))
			c.send(fmt.Sprintf(`{"type":"leave","id":"left","room":%q}`, room))
			for typeOf(c.any()) != "ok" {
			}
		}
		list := func(c *client, fields, want string) {
			t.Helper()
			c.send(`{"type":"list"` + fields + `}`)
			for {
				if got := c.any(); typeOf(got) == "list" {
					c.match(want, got)
					return
				}
			}
		}
		list(ben, "", fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"title":"Trip","size":2,"epoch":"…","last":1,"at":"…","count":0,"role":"member","read":1,"unread":0,"notify":true,"top":false}],"more":false}`, g))
		say(ann, d, "hi")
		time.Sleep(2 * time.Second) // the mark has moved to what was sent
		list(ben, "", fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"with":{"id":"ann","…":"…"},"count":1,"unread":1,"read":1,"entry":{"type":"message","body":{"text":"hi"},"…":"…"},"…":"…"},{"room":%q,"…":"…"}],"more":false}`, d, g))
		list(ann, "", fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"with":{"id":"ben","…":"…"},"unread":0,"read":2,"…":"…"},{"room":%q,"role":"owner","…":"…"}],"more":false}`, d, g))

		// Pages, settings, clearing and hiding.
		ben.send(fmt.Sprintf(`{"type":"set","id":"1","room":%q,"top":true,"notify":false}`, g))
		ben.expect(`{"type":"ok","id":"1","…":"…"}`)
		ben.send(`{"type":"list","limit":1}`)
		first := ben.any()
		ben.match(fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"top":true,"notify":false,"…":"…"}],"next":"…","more":true}`, g), first)
		list(ben, `,"limit":1,"next":"`+fieldOf(t, first, "next")+`"`, fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"…":"…"}],"more":false}`, d))
		ben.send(fmt.Sprintf(`{"type":"set","id":"2","room":%q,"clear":true,"hide":true}`, d))
		ben.expect(`{"type":"ok","id":"2","…":"…"}`)
		list(ben, "", fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"…":"…"}],"more":false}`, g))
		list(ben, fmt.Sprintf(`,"rooms":[%q,"g-none",%q,"g-none",%q]`, d, g, d), fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"…":"…"},{"room":%q,"unread":0,"read":2,"hidden":true,"…":"…"},{"room":"g-none","gone":true}],"more":false}`, g, d))
		say(ann, d, "again")
		list(ben, "", fmt.Sprintf(`{"type":"list","rows":[{"room":%q,"…":"…"},{"room":%q,"unread":1,"entry":{"body":{"text":"again"},"…":"…"},"…":"…"}],"more":false}`, g, d))
		ben.send(fmt.Sprintf(`{"type":"history","room":%q}`, d))
		ben.expect(`{"type":"history","entries":[{"type":"message","seq":3,"…":"…"}],"more":false,"…":"…"}`)
	})
}

// Who comes back is told what has changed, and nothing else.
// Where no room can be a conversation a client is not told of a list, so that it shows none.
func TestList_WithoutConversations_IsNotInTheWelcome(t *testing.T) {
	for _, policies := range []access.Policies{nil, {{Pattern: "*", Read: who(t, "anyone")}}} {
		inBubble(t, chat.Settings{Policies: policies}, tokens{}, func(t *testing.T, b *bubble) {
			ann := b.connect()
			ann.send(`{"type":"hello","token":"ann","list":{}}`)
			if got := ann.any(); typeOf(got) != "welcome" || strings.Contains(got, `"list"`) {
				t.Fatalf("welcome: %s", got)
			}
		})
	}
}

func TestList_Since_TellsWhatHasChanged(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		same, talk, left, mine := ann.create(`"key":"1","users":["ben"]`), ann.create(`"key":"2","users":["ben"]`), ann.create(`"key":"3","users":["ben"]`), ann.create(`"key":"4","users":["ben"]`)
		ben := b.connect()
		ben.send(`{"type":"hello","token":"ben","list":{"limit":2}}`)
		welcome := ben.any()
		ben.match(`{"type":"welcome","list":{"all":true,"rows":["…","…"],"more":true,"next":"…","unread":0,"…":"…"},"…":"…"}`, welcome)
		since := fieldOf(t, welcome, "list", "at")
		back := func(want string) {
			t.Helper()
			ben.closeNow()
			ben = b.connect()
			ben.send(`{"type":"hello","token":"ben","list":{"since":"` + since + `"}}`)
			ben.expect(`{"type":"welcome","list":` + want + `,"…":"…"}`)
		}
		back(`{"at":"…","all":false,"live":"…","rows":[],"more":false}`)
		ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, talk))
		ann.expect(`{"type":"joined","…":"…"}`)
		ann.send(fmt.Sprintf(`{"type":"send","room":%q,"body":"hi"}`, talk))
		ann.expect(`{"type":"message","…":"…"}`)
		ann.send(fmt.Sprintf(`{"type":"member","id":"x","room":%q,"users":["ben"],"role":"none"}`, left))
		ann.expect(`{"type":"ok","id":"x","…":"…"}`)
		ben.send(fmt.Sprintf(`{"type":"set","id":"y","room":%q,"top":true}`, mine))
		for typeOf(ben.any()) != "ok" { // heads and rows
		}
		for _, room := range []string{talk, left, mine} {
			if room == same {
				t.Fatal("two rooms are one")
			}
		}
		got := map[string]bool{}
		ben.closeNow()
		ben = b.connect()
		ben.send(`{"type":"hello","token":"ben","list":{"since":"` + since + `"}}`)
		for _, row := range rowsOf(t, ben.any()) {
			got[fmt.Sprint(row["room"], row["gone"] == true, row["unread"], row["top"])] = true
		}
		for _, want := range []string{fmt.Sprint(talk, false, 1.0, false), fmt.Sprint(left, true, nil, nil), fmt.Sprint(mine, false, 0.0, true)} {
			if !got[want] {
				t.Errorf("missing %s in %v", want, got)
			}
		}
		if len(got) != 3 {
			t.Errorf("changed are %v", got)
		}
		foreign := b.connect()
		foreign.send(`{"type":"hello","token":"cy","list":{}}`)
		for _, strange := range []string{"nonsense", since[1:], "A" + since[:len(since)-1], fieldOf(t, foreign.any(), "list", "at")} {
			since = strange
			back(`{"all":true,"rows":["…","…","…"],"more":false,"unread":1,"…":"…"}`)
		}
	})
}

// What is again as it was at first has changed all the same.
func TestList_Since_TellsOfSettingsThatAreTheDefaultAgain(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		g := b.connect().hello(`,"token":"ann"`).create(`"key":"1","users":["ben"]`)
		ben := b.connect().hello(`,"token":"ben"`)
		set := func(fields string) {
			ben.send(fmt.Sprintf(`{"type":"set","id":"1","room":%q,%s}`, g, fields))
			ben.expect(`{"type":"ok","id":"1","…":"…"}`)
		}
		set(`"top":true,"notify":false`)
		phone := b.connect()
		phone.send(`{"type":"hello","token":"ben","list":{}}`)
		welcome := phone.any()
		phone.match(fmt.Sprintf(`{"type":"welcome","list":{"rows":[{"room":%q,"top":true,"notify":false,"…":"…"}],"…":"…"},"…":"…"}`, g), welcome)
		phone.closeNow()
		set(`"top":false,"notify":true`)
		phone = b.connect()
		phone.send(`{"type":"hello","token":"ben","list":{"since":"` + fieldOf(t, welcome, "list", "at") + `"}}`)
		phone.expect(fmt.Sprintf(`{"type":"welcome","list":{"all":false,"rows":[{"room":%q,"top":false,"notify":true,"…":"…"}],"…":"…"},"…":"…"}`, g))
	})
}

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

// Two users with two devices each, on two nodes, whose connections break, do what they
// like. Every list that is kept by what is told always becomes the list that is there.
func TestList_RandomHistories_StayRight(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	store := memjournal.NewStore(memjournal.Options{})
	set := chat.Settings{Policies: chatApp(t), NewRooms: access.Rate{PerSecond: 1000, Burst: 1000}}
	unhurried(&set)
	var urls [2]string
	for node := range urls {
		urls[node], _ = serve(t, chat.Config{Settings: set, Journal: store.Open()}, &chat.Handler{Auth: tokens{}})
	}
	names := []string{"ann", "ben"}
	var all []*listing
	for i := range 4 {
		l := &listing{client: &client{t: t}, name: names[i%2]}
		l.open(urls[i/2])
		all = append(all, l)
	}
	var rooms []string
	room := func() string { return rooms[random.IntN(len(rooms))] }
	for step := range 300 {
		l := all[random.IntN(len(all))]
		other := names[0]
		if l.name == other {
			other = names[1]
		}
		do := func(format string, args ...any) map[string]any {
			l.send(fmt.Sprintf(format, args...))
			return l.hear("x")
		}
		switch n := random.IntN(17); {
		case len(rooms) == 0 || n == 0 && len(rooms) < 12:
			made := do(`{"type":"create","id":"x","key":"%d","users":[%q]}`, step, other)
			rooms = append(rooms, made["room"].(string))
		case n == 1:
			made := do(`{"type":"create","id":"x","direct":%q}`, other)
			rooms = append(rooms, made["room"].(string))
		case n <= 6:
			do(`{"type":"join","id":"x","room":%q}`, room())
			do(`{"type":"send","id":"x","room":%q,"body":{"text":"%d"}}`, room(), step)
		case n == 7:
			do(`{"type":"leave","id":"x","room":%q}`, room())
		case n == 8:
			do(`{"type":"read","id":"x","room":%q,"seq":%d}`, room(), 1+random.IntN(40))
		case n == 9:
			do(`{"type":"member","id":"x","room":%q,"users":[%q],"role":%q}`, room(), names[random.IntN(2)], []string{"none", "member", "admin"}[random.IntN(3)])
		case n == 10:
			do(`{"type":"info","id":"x","room":%q,"title":"%d"}`, room(), step)
		case n == 11:
			do(`{"type":"set","id":"x","room":%q,%s}`, room(), []string{`"top":true`, `"notify":false`, `"hide":true`, `"clear":true`, `"top":false`}[random.IntN(5)])
		case n == 12:
			do(`{"type":"recall","id":"x","room":%q,"seq":%d}`, room(), 1+random.IntN(40))
		case n == 14:
			do(`{"type":"send","id":"x","room":%q,"mentions":[%q],"quiet":%t,"body":"at %d"}`, room(), other, random.IntN(2) == 0, step)
		case n == 15:
			do(`{"type":"edit","id":"x","room":%q,"seq":%d,"body":"edited %d"}`, room(), 1+random.IntN(20), step)
		case n == 16:
			do(`{"type":"tag","id":"x","room":%q,"seq":%d,"tag":"x","value":%t}`, room(), 1+random.IntN(20), random.IntN(2) == 0)
		case n == 13:
			l.closeNow()
			l.open(urls[random.IntN(2)])
		}
		if step%20 == 19 {
			for _, l := range all {
				l.check(step)
			}
		}
	}
}

// fieldOf returns a text in a frame.
func fieldOf(t testing.TB, frame string, path ...string) string {
	t.Helper()
	var at any
	if err := json.Unmarshal([]byte(frame), &at); err != nil {
		t.Fatal(err)
	}
	for _, name := range path {
		at = at.(map[string]any)[name]
	}
	return at.(string)
}

// rowsOf returns the rows in the list of a welcome.
func rowsOf(t *testing.T, welcome string) []map[string]any {
	t.Helper()
	var f struct {
		List struct{ Rows []map[string]any }
	}
	if err := json.Unmarshal([]byte(welcome), &f); err != nil {
		t.Fatal(err)
	}
	return f.List.Rows
}
