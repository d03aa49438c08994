package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// listDoors ask for ben's list and return its rows as they came; limit 0 names no number.
var listDoors = map[string]func(b *bubble, limit int) []json.RawMessage{
	"hello": func(b *bubble, limit int) []json.RawMessage {
		c := b.connect()
		defer c.closeNow()
		c.send(`{"type":"hello","token":"ben","list":{` + limitField(limit) + `}}`)
		var f struct {
			List struct{ Rows []json.RawMessage }
		}
		b.must(json.Unmarshal([]byte(c.any()), &f))
		return f.List.Rows
	},
	"list": func(b *bubble, limit int) []json.RawMessage {
		c := b.connect().hello(`,"token":"ben"`)
		defer c.closeNow()
		return rawRows(b, c.answered(strings.Replace(`{"type":"list","id":"?",`+limitField(limit)+`}`, ",}", "}", 1)))
	},
	"HTTP": func(b *bubble, limit int) []json.RawMessage { return b.listOver(limit, "ben", "") },
	"key":  func(b *bubble, limit int) []json.RawMessage { return b.listOver(limit, keyOf("k"), "&as=ben") },
}

func limitField(limit int) string {
	if limit == 0 {
		return ""
	}
	return fmt.Sprintf(`"limit":%d`, limit)
}

func rawRows(b *bubble, answer string) []json.RawMessage {
	b.t.Helper()
	var f struct{ Rows []json.RawMessage }
	b.must(json.Unmarshal([]byte(answer), &f))
	return f.Rows
}

func (b *bubble) listOver(limit int, token, query string) []json.RawMessage {
	w, r := httptest.NewRecorder(), newRequest("GET", token, "")
	if r.URL.RawQuery = strings.TrimPrefix(query, "&"); limit > 0 {
		r.URL.RawQuery = fmt.Sprintf("limit=%d%s", limit, query)
	}
	b.handler.ServeRequest(w, r, "/list")
	return rawRows(b, w.Body.String())
}

func listSettings(t *testing.T) chat.Settings {
	return chat.Settings{Policies: chatApp(t), Keys: access.Keys{newKey(t, "k", func(k *access.Key) {
		k.Read, k.As = []string{"*"}, []string{"*"}
	})}}
}

// An answer has 50 rows if the client names no number, 200 at most, and 128 KiB of them.
func TestList_Answer_IsBounded(t *testing.T) {
	inBubble(t, listSettings(t), tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		for i := range 201 {
			ann.create(fmt.Sprintf(`"key":"%d","users":["ben"]`, i))
		}
		for door, list := range listDoors {
			for limit, want := range map[int]int{0: 50, 1: 1, 199: 199, 200: 200, 201: 200, 1_000_000: 200} {
				if n := len(list(b, limit)); n != want {
					t.Errorf("%s, limit %d: %d rows, want %d", door, limit, n, want)
				}
			}
		}
	})
	inBubble(t, listSettings(t), tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		for i := range 200 { // as long as rows can be
			ann.create(fmt.Sprintf(`"key":"%d","users":["ben"],"title":"%s","avatar":%s`, i, strings.Repeat("é", 64), address(512)))
		}
		for door, list := range listDoors {
			size, rows := 0, list(b, 200)
			for _, row := range rows {
				size += len(row)
			}
			if most := 128 << 10; size > most || size < most*95/100 {
				t.Errorf("%s: %d rows of %d bytes", door, len(rows), size)
			}
		}
	})
}

// A body of 512 bytes is in the row and in the head as it was sent, and one more is cut to its
// type and 100 characters of its text.
func TestList_LongBody_IsCut(t *testing.T) {
	body := func(bytes int) string {
		empty := `{"type":"x-a","text":"","more":1}`
		return strings.Replace(empty, `""`, letters(bytes-len(empty)), 1)
	}
	for bytes, want := range map[int]string{512: body(512), 513: `{"type":"x-a","text":` + letters(100) + `}`} {
		inBubble(t, listSettings(t), tokens{}, func(t *testing.T, b *bubble) {
			ann := b.connect().hello(`,"token":"ann"`)
			g := ann.create(`"key":"k","users":["ben"]`)
			ben := b.connect().openList("ben")
			for _, frame := range []string{`{"type":"join","id":"?","room":%q}`, `{"type":"send","id":"?","room":%q,"body":` + body(bytes) + `}`} {
				if got := ann.ask(fmt.Sprintf(frame, g)); got != "" {
					t.Fatal(got)
				}
			}
			shown := []string{ben.any()}
			for _, list := range listDoors {
				shown = append(shown, string(list(b, 0)[0]))
			}
			for _, text := range shown {
				var f struct {
					Entry struct{ Body json.RawMessage }
					Cut   bool
				}
				b.must(json.Unmarshal([]byte(text), &f))
				if string(f.Entry.Body) != want || f.Cut != (bytes > 512) {
					t.Errorf("%d bytes are shown as %s", bytes, text)
				}
			}
		})
	}
}

// However fast a room changes, a list is told of it four times a second, and in the end of the
// newest state.
func TestList_Heads_AreFourASecond(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		g := ann.create(`"key":"k","users":["ben"]`)
		ben := b.connect().openList("ben")
		began, seconds, last := time.Now(), map[int]int{}, ""
		hear := func() {
			for len(ben.frames) > 0 {
				last = ben.any()
				seconds[int(time.Since(began)/time.Second)]++
			}
		}
		for i := range 300 { // three seconds
			say(t, b.journal, g, fmt.Sprint(i))
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			hear()
		}
		for second := range 3 {
			if n := seconds[second]; n < 3 || n > 4 {
				t.Errorf("%d heads in second %d: %v", n, second, seconds)
			}
		}
		time.Sleep(time.Second)
		hear()
		ben.match(`{"type":"head","last":301,"count":300,"entry":{"body":"299","…":"…"},"…":"…"}`, last)
	})
}

// A key has its rate on each node: what it sends to one leaves the other's alone.
func TestNodes_Key_HasARateOnEach(t *testing.T) {
	store := memjournal.NewStore(memjournal.Options{})
	set := listSettings(t)
	set.KeyRate = access.Rate{PerSecond: 0.001, Burst: 3}
	var handlers []*chat.Handler
	for range 2 {
		h := &chat.Handler{Auth: tokens{}}
		serve(t, chat.Config{Settings: set, Journal: store.Open()}, h)
		handlers = append(handlers, h)
	}
	for node, h := range handlers {
		for i, want := range []int{200, 200, 200, 429} {
			w, r := httptest.NewRecorder(), newRequest("GET", keyOf("k"), "")
			r.URL.RawQuery = "as=ann"
			if h.ServeRequest(w, r, "/list"); w.Code != want {
				t.Errorf("node %d, request %d: %d %s", node, i, w.Code, w.Body)
			}
		}
	}
}

// fullDisk is a journal that records nothing once its disk is full, be it entries or records.
type fullDisk struct {
	broken
}

func (j *fullDisk) Records() journal.Records { return fullRecords{j.Journal.Records(), j} }

type fullRecords struct {
	journal.Records
	j *fullDisk
}

func (r fullRecords) Update(ctx context.Context, key string, f func([]byte) ([]byte, error)) error {
	if r.j.full.Load() {
		return fmt.Errorf("disk is full: %w", journal.ErrUnavailable)
	}
	return r.Records.Update(ctx, key, f)
}

func (r fullRecords) Put(ctx context.Context, key string, value []byte) error {
	if r.j.full.Load() {
		return fmt.Errorf("disk is full: %w", journal.ErrUnavailable)
	}
	return r.Records.Put(ctx, key, value)
}

// While the disk is full, every change is refused at every door and can be made later, and
// everything is still read.
func TestTable_DiskFullAndDoor(t *testing.T) {
	for frame, want := range map[string]string{
		`{"type":"create","key":"n","pattern":"g-*","users":["cy"]}`:                 "unavailable",
		`{"type":"create","direct":"cy"}`:                                            "unavailable",
		`{"type":"member","room":"g-1","role":"member","users":["cy"]}`:              "unavailable",
		`{"type":"info","room":"g-1","title":"Rome"}`:                                "unavailable",
		`{"type":"send","room":"g-1","body":1}`:                                      "unavailable",
		`{"type":"edit","room":"g-1","seq":2,"body":1}`:                              "unavailable",
		`{"type":"tag","room":"g-1","seq":2,"tag":"x","value":true}`:                 "unavailable",
		`{"type":"tag","room":"g-1","seq":2,"tag":"pin","value":true,"shared":true}`: "unavailable",
		`{"type":"recall","room":"g-1","seq":2}`:                                     "unavailable",
		`{"type":"set","room":"g-1","top":true}`:                                     "unavailable",
		`{"type":"read","room":"g-1","seq":2}`:                                       "unavailable",
		`{"type":"mute","room":"g-1","user":"ben"}`:                                  "unavailable",
		`{"type":"ban","room":"g-1","user":"ben"}`:                                   "unavailable",
		`{"type":"list"}`:                 "",
		`{"type":"list","rooms":["g-1"]}`: "",
		`{"type":"members","room":"g-1"}`: "",
		`{"type":"history","room":"g-1"}`: "",
	} {
		for door, act := range limitDoors {
			t.Run(door+" "+frame, func(t *testing.T) {
				j := &fullDisk{}
				config := func() chat.Config {
					j.Journal = memjournal.New(memjournal.Options{})
					return chat.Config{Journal: j, Settings: limitSettings(t)}
				}
				onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
					defer b.close()
					p := inLimits(b)
					time.Sleep(2 * time.Second) // the marks have moved to what was sent
					j.full.Store(true)
					if got := act(p, frame); refusal(t, got) != want || want != "" && !strings.Contains(got, `"retry":2000`) {
						t.Errorf("%s: want %s", got, want)
					}
					j.full.Store(false)
					if got := act(p, frame); refusal(t, got) != "" {
						t.Errorf("later: %s", got)
					}
				})
			})
		}
	}
}
