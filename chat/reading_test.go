package chat_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// say records texts in a room.
func say(t *testing.T, j journal.Journal, room string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		e := journal.Entry{Room: room, Kind: journal.Message, Text: true, From: journal.User{ID: "ann"}, Body: []byte(text)}
		j.Append(t.Context(), e, func(_ journal.Receipt, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// numbered returns n texts of so many bytes, which begin with their numbers.
func numbered(from, n, size int) (texts []string) {
	for i := range n {
		text := fmt.Sprintf("%06d ", from+i)
		texts = append(texts, text+strings.Repeat("x", max(size-len(text), 0)))
	}
	return texts
}

// A raw client gets all of a long history, although it has twenty times as many bytes as
// may wait for it, and what is said meanwhile behind it: once and in order, and also
// where that is more than is kept for it.
func TestReading_RawHistory_WaitsForItsReader(t *testing.T) {
	const before, during, size = 160, 40, 60_000
	j := memjournal.New(memjournal.Options{})
	say(t, j, "lobby", numbered(0, before, size)...)
	url, hub := serve(t, chat.Config{Journal: j}, &chat.Handler{})
	c := dial(t, url+"?history=1000")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for i := range before + during {
		if i == 3 { // by now nearly all of it waits for us to read
			say(t, j, "lobby", numbered(before, during, size)...)
		}
		_, got, err := c.Read(ctx)
		if err != nil {
			t.Fatalf("after %d of %d: %v", i, before+during, err)
		}
		if want := fmt.Sprintf("%06d ", i); string(got[:len(want)]) != want {
			t.Fatalf("got %s, want %s", got[:len(want)], want)
		}
		if queued := hub.Queued(); queued > 200_000 {
			t.Fatalf("%d bytes wait for it", queued)
		}
	}
	send(t, dial(t, url), "live")
	expect(t, c, "live")
}

// What a policy's history shows, at every door where one reads: to somebody who comes
// now, and to a user who has been there since the third of five messages.
func TestReading_PolicyHistory_AtEveryDoor(t *testing.T) {
	all := subject(t, "anyone")
	policies := map[string]access.History{
		"none": {Entries: -1}, "two": {Entries: 2}, "hour": {Age: time.Hour}, "all": {},
	}
	newcomer := map[string][]int{"none": nil, "two": {4, 5}, "hour": {4, 5}, "all": {1, 2, 3, 4, 5}}
	regular := map[string][]int{"none": {3, 4, 5}, "two": {1, 2, 3, 4, 5}, "hour": {1, 2, 3, 4, 5}, "all": {1, 2, 3, 4, 5}}

	var set chat.Settings
	for name, h := range policies {
		set.Policies = append(set.Policies, access.Policy{Pattern: name, Read: all, Write: all, History: h})
	}
	seqs := func(list []int) string {
		parts := make([]string, len(list))
		for i, n := range list {
			parts[i] = fmt.Sprintf(`{"seq":%d,"…":"…"}`, n)
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	for room := range policies {
		t.Run(room, func(t *testing.T) {
			inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
				say(t, b.journal, room, "1", "2")
				for _, user := range []string{"bo", "guest-bo"} { // who come and go
					c := b.connect().hello(fmt.Sprintf(`,"token":%q,"rooms":[{"room":%q}]`, user, room))
					c.conn.CloseNow()
				}
				say(t, b.journal, room, "3")
				time.Sleep(2 * time.Hour)
				say(t, b.journal, room, "4", "5")
				epoch := b.epoch(room)
				for user, want := range map[string][]int{"li": newcomer[room], "bo": regular[room], "guest-bo": regular[room]} {
					token := user
					if user == "li" {
						token += "-history"
					}
					c := b.connect().hello(`,"token":"` + token + `"`)
					c.send(`{"type":"history","room":"` + room + `"}`)
					c.expect(`{"type":"history","entries":` + seqs(want) + `,"more":false,"…":"…"}`)
					c.send(`{"type":"history","room":"` + room + `","after":0}`)
					c.expect(`{"type":"history","entries":` + seqs(want) + `,"more":false,"…":"…"}`)
					if rec := serveMessages(b.handler, newRequest(http.MethodGet, token, ""), room); user != "guest-bo" || rec.Code == http.StatusOK {
						c.match(`{"entries":`+seqs(want)+`,"more":false,"…":"…"}`, rec.Body.String())
					}
					for way, hello := range map[string]string{
						"hello":  `{"room":"` + room + `"}`,
						"resume": `{"room":"` + room + `","epoch":"` + epoch + `","after":2}`,
					} {
						token := user
						if user == "li" { // who is new each time
							token += "-" + way
						}
						c := b.connect()
						c.send(`{"type":"hello","token":"` + token + `","rooms":[` + hello + `]}`)
						entries, gap := want, false
						if way == "resume" {
							if gap = len(want) == 0 || want[0] > 3; !gap {
								entries = []int{3, 4, 5}
							}
						}
						c.expect(fmt.Sprintf(`{"type":"welcome","rooms":[{"entries":%s,"gap":%v,"unread":%d,"…":"…"}],"…":"…"}`, seqs(entries), gap, len(want)))
						c.conn.CloseNow()
					}
					c.conn.CloseNow()
				}
			})
		})
	}
}

// epoch returns the epoch of a room.
func (b *bubble) epoch(room string) string {
	b.t.Helper()
	page, err := b.journal.Read(b.t.Context(), journal.Query{Room: room})
	if err != nil {
		b.t.Fatal(err)
	}
	return page.Epoch
}

// talkative says something in a room whenever somebody reads it.
type talkative struct {
	journal.Journal
	says func()
}

func (j *talkative) Pages(ctx context.Context, q []journal.Query, bytes int) ([]journal.Page, error) {
	j.says()
	return j.Journal.Pages(ctx, q, bytes)
}

// Nothing that is said between a join and its answer is hidden, whatever the policy's
// history says.
func TestReading_SaidDuringAJoin_IsShown(t *testing.T) {
	all := subject(t, "anyone")
	var j *talkative
	config := func() chat.Config {
		j = &talkative{memjournal.New(memjournal.Options{}), func() {}}
		return chat.Config{Journal: j, Settings: chat.Settings{Policies: access.Policies{
			{Pattern: "*", Read: all, Write: all, History: access.History{Entries: -1}},
		}}}
	}
	onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		say(t, j, "tea", "before")
		other := b.connect().hello(`,"token":"bo","rooms":[{"room":"tea"}]`)
		j.says = func() {
			say(t, j, "tea", "during")
			synctest.Wait()
		}
		c := b.connect()
		c.send(`{"type":"hello","token":"li","rooms":[{"room":"tea"}]}`)
		c.expect(`{"type":"welcome","rooms":[{"entries":[{"seq":2,"body":"during","…":"…"}],"…":"…"}],"…":"…"}`)
		other.expect(`{"type":"message","seq":2,"…":"…"}`)
		say(t, j, "tea", "after")
		c.expect(`{"type":"message","seq":3,"…":"…"}`)
	})
}

// Who may not see a message cannot find out that it is there by recalling it.
func TestReading_Recall_OfWhatIsHidden(t *testing.T) {
	all := subject(t, "anyone")
	set := chat.Settings{Policies: access.Policies{{Pattern: "tea", Read: all, Write: all, History: access.History{Entries: -1}}}}
	inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
		say(t, b.journal, "tea", "hidden")
		c := b.connect().hello(`,"token":"bo","rooms":[{"room":"tea"}]`)
		say(t, b.journal, "tea", "shown")
		c.expect(`{"type":"message","seq":2,"…":"…"}`)
		for seq, code := range map[int]string{1: "not_found", 2: "forbidden"} {
			c.send(fmt.Sprintf(`{"type":"recall","id":"1","room":"tea","seq":%d}`, seq))
			c.expect(`{"type":"error","id":"1","code":"` + code + `","…":"…"}`)
		}
	})
}

// Whatever one reads costs what it is long, at every door: guests of one address share
// that, a user is one with all sessions, and nobody else is held up.
func TestReading_IsCharged(t *testing.T) {
	set := chat.Settings{ReadBytes: access.Rate{PerSecond: 100_000, Burst: 200_000}}
	inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
		b.handler.ClientIP = func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.7") }
		say(t, b.journal, "tea", numbered(0, 4, 50_000)...)
		spend := func(token string) { // 200,000 bytes and some more
			c := b.connect().hello(`,"token":"` + token + `"`)
			for range 2 {
				c.send(`{"type":"history","room":"tea"}`)
				c.expect(`{"type":"history","…":"…"}`)
			}
		}
		for name, other := range map[string]string{"guest-1": "guest-2", "ann": "ann"} {
			spend(name)
			c := b.connect().hello(`,"token":"` + other + `"`)
			c.send(`{"type":"history","id":"1","room":"tea"}`)
			c.expect(`{"type":"error","id":"1","code":"too_fast","…":"…"}`)
			if rec := serveMessages(b.handler, newRequest(http.MethodGet, other, ""), "tea"); rec.Code != http.StatusTooManyRequests || rec.Header().Get("Retry-After") == "" {
				t.Errorf("%s: %d %s", other, rec.Code, rec.Body)
			}
			free := b.connect().hello(`,"token":"free"`)
			free.send(`{"type":"history","room":"tea","limit":1}`)
			free.expect(`{"type":"history","…":"…"}`)
			time.Sleep(time.Minute)
			c.send(`{"type":"history","id":"1","room":"tea"}`)
			c.expect(`{"type":"history","id":"1","…":"…"}`)
			time.Sleep(time.Minute)
		}
	})
}

// Raw clients wait for what they have read too much of.
func TestReading_RawHistory_IsPaced(t *testing.T) {
	around := withQuery("room=lobby&history=1000")
	set := chat.Settings{ReadBytes: access.Rate{PerSecond: 100_000, Burst: 100_000}, PingInterval: time.Hour}
	inBubbleWith(t, set, nil, around, func(t *testing.T, b *bubble) {
		say(t, b.journal, "lobby", numbered(0, 40, 50_000)...)
		began := time.Now()
		c := b.connectRaw()
		for i := range 40 {
			if got, want := c.any(), fmt.Sprintf("%06d ", i); !strings.HasPrefix(got, want) {
				t.Fatalf("got %s, want %s", got[:len(want)], want)
			}
		}
		// Two megabytes are read twice.
		if took := time.Since(began); took < 20*time.Second || took > time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// A long history in which nothing more is said comes to its end.
func TestReading_RawHistory_OfAQuietRoom(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	say(t, j, "lobby", numbered(0, 30, 60_000)...)
	url, _ := serve(t, chat.Config{Journal: j}, &chat.Handler{})
	c := dial(t, url+"?history=30")
	expect(t, c, numbered(0, 30, 60_000)...)
	send(t, dial(t, url), "live")
	expect(t, c, "live")
}

// Long histories that many ask for and nobody reads take no more than a page each.
func TestReading_RawHistory_OfMany_IsBounded(t *testing.T) {
	const clients, messages, size = 40, 200, 60_000
	j := memjournal.New(memjournal.Options{})
	say(t, j, "lobby", numbered(0, messages, size)...)
	url, _ := serve(t, chat.Config{Journal: j}, &chat.Handler{})
	before := heapInUse()
	most := watchHeap(t)
	for range clients {
		c := dial(t, url+"?history=1000")
		if _, got, err := c.Read(t.Context()); err != nil || !strings.HasPrefix(string(got), "000000 ") {
			t.Fatalf("got %.10s, %v", got, err)
		}
	}
	// A copy of the history for each would be 480 MB. What the heap has at its most is
	// also what is not collected yet: a quarter shows that there is none.
	if grown := most() - before; grown > clients*messages*size/4 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

// newcomers makes everybody a guest, who says what they look like.
type newcomers struct{}

func (newcomers) Authenticate(_ context.Context, c access.Credential) (*access.Identity, error) {
	return &access.Identity{User: journal.User{ID: c.Token, Guest: true}}, nil
}

// Who is in a room costs what the answer is long: guests bring long names and pictures themselves.
func TestReading_Who_IsCharged(t *testing.T) {
	const users, avatar = 20, 480
	answer := users * avatar
	set := chat.Settings{ReadBytes: access.Rate{PerSecond: 1000, Burst: 3 * answer}}
	inBubble(t, set, newcomers{}, func(t *testing.T, b *bubble) {
		b.handler.ClientIP = func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.7") }
		var all []*client
		for i := range users {
			c := b.connect()
			c.send(fmt.Sprintf(`{"type":"hello","token":"guest-%d","avatar":"https://a.test/%s"}`, i, strings.Repeat("a", avatar)))
			all = append(all, c)
			if got := c.ask(`{"type":"join","id":"?","room":"tea"}`); got != "nothing" {
				t.Fatal(got)
			}
			time.Sleep(time.Second) // what a join reads is little
		}
		time.Sleep(time.Minute)
		answered := 0
		for _, c := range all {
			if c.ask(`{"type":"who","id":"?","room":"tea"}`) == "" {
				answered++
			}
		}
		if answered < 2 || answered > 4 {
			t.Errorf("%d are answered, want about 3", answered)
		}
		time.Sleep(time.Minute)
		if got := all[0].ask(`{"type":"who","id":"?","room":"tea"}`); got != "" {
			t.Errorf("a minute later: %s", got)
		}
	})
}
