package chat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// state returns the state of a room as a new session of a user is told it: the read
// mark and what is unread.
func (b *bubble) state(user, room string) (read, unread string) {
	b.t.Helper()
	c := b.connect()
	c.send(`{"type":"hello","token":"` + user + `","rooms":[{"room":"` + room + `"}]}`)
	c.expect(`{"type":"welcome","rooms":[{"read":"$read","unread":"$unread","…":"…"}],"…":"…"}`)
	c.conn.CloseNow()
	return fmt.Sprint(c.vars["read"]), fmt.Sprint(c.vars["unread"])
}

func (b *bubble) checkState(user, room string, read, unread int) {
	b.t.Helper()
	if r, u := b.state(user, room); r != fmt.Sprint(read) || u != fmt.Sprint(unread) {
		b.t.Errorf("%s in %s: read %s and unread %s, want %d and %d", user, room, r, u, read, unread)
	}
}

// Unread counts messages and notices: no recalls, and nothing quiet. A message that
// was recalled counts until it is read.
func TestUnread_CountsMessages(t *testing.T) {
	var j *memjournal.Journal
	config := func() chat.Config {
		j = memjournal.New(memjournal.Options{Retention: func(string) journal.Retention { return journal.Retention{Count: 6} }})
		return chat.Config{Journal: j}
	}
	onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		say := func(e journal.Entry) {
			t.Helper()
			e.Room, e.From.ID = "tea", "ann"
			j.Append(t.Context(), e, func(_ journal.Receipt, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		message := journal.Entry{Kind: journal.Message, Body: []byte("1")}
		say(message)                                                              // 1
		say(message)                                                              // 2
		say(journal.Entry{Kind: journal.Recall, Target: 1})                       // 3
		say(journal.Entry{Kind: journal.Message, Quiet: true, Body: []byte("1")}) // 4
		say(journal.Entry{Kind: journal.Notice, Body: []byte("1")})               // 5
		say(message)                                                              // 6
		b.checkState("bo", "tea", 0, 4)
		c := b.connect().hello(`,"token":"bo","rooms":[{"room":"tea"}]`)
		for seq, unread := range []int{1: 3, 2: 2, 3: 2, 4: 2, 5: 1, 6: 0, 7: 0} {
			if seq > 0 {
				c.send(fmt.Sprintf(`{"type":"read","id":"1","room":"tea","seq":%d}`, seq))
				c.expect(fmt.Sprintf(`{"type":"ok","id":"1","room":"tea","seq":%d,"unread":%d}`, min(seq, 6), unread))
			}
		}
		say(message) // 7, and 1 is gone
		b.checkState("bo", "tea", 6, 1)
		b.checkState("li", "tea", 0, 4) // 2, 5, 6 and 7
	})
}

// What the policy hides is not unread, however much of it there is.
func TestUnread_HiddenByThePolicy_DoesNotCount(t *testing.T) {
	all := subject(t, "anyone")
	var j *memjournal.Journal
	config := func() chat.Config {
		j = memjournal.New(memjournal.Options{})
		return chat.Config{Journal: j, Settings: chat.Settings{MaxPage: 3, Policies: access.Policies{
			{Pattern: "none", Read: all, History: access.History{Entries: -1}},
			{Pattern: "ten", Read: all, History: access.History{Entries: 10}},
			{Pattern: "hour", Read: all, History: access.History{Age: time.Hour}},
			{Pattern: "both", Read: all, History: access.History{Entries: 10, Age: time.Hour}},
			{Pattern: "all", Read: all},
		}}}
	}
	onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		rooms := []string{"none", "ten", "hour", "both", "all"}
		for i := range 60 { // 30 old ones, 30 new ones; each third is a recall
			if i == 30 {
				time.Sleep(2 * time.Hour)
			}
			for _, room := range rooms {
				e := journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: "ann"}, Body: []byte("1")}
				if i%3 == 2 {
					e = journal.Entry{Room: room, Kind: journal.Recall, Target: journal.Seq(i), From: e.From}
				}
				j.Append(t.Context(), e, func(journal.Receipt, error) {})
			}
		}
		for i, want := range []int{0, 6, 20, 6, 40} { // of the last ten, four are recalls
			b.checkState("bo", rooms[i], 0, want)
		}
		for seq, want := range map[int][]int{10: {0, 6, 20, 6, 33}, 40: {0, 6, 13, 6, 13}, 55: {0, 3, 3, 3, 3}, 60: {0, 0, 0, 0, 0}} {
			for i, room := range rooms {
				at := b.connect().hello(fmt.Sprintf(`,"token":"reader-%d","rooms":[{"room":%q}]`, seq, room))
				at.send(fmt.Sprintf(`{"type":"read","id":"1","room":%q,"seq":%d}`, room, seq))
				at.expect(fmt.Sprintf(`{"type":"ok","id":"1","room":%q,"seq":%d,"unread":%d}`, room, seq, want[i]))
				at.conn.CloseNow()
			}
		}
	})
}

// Who speaks has read what was said before, whichever door they speak through; their
// other devices are told, once a second at most, of the newest.
func TestUnread_ToSendIsToRead(t *testing.T) {
	for door, say := range map[string]func(b *bubble, c *client, raw *client, i int){
		"chat.v1": func(_ *bubble, c, _ *client, i int) {
			c.send(fmt.Sprintf(`{"type":"send","id":"1","room":"lobby","body":%d}`, i))
		},
		"raw": func(b *bubble, _, raw *client, i int) {
			if err := raw.conn.Write(b.t.Context(), websocket.MessageText, fmt.Append(nil, i)); err != nil {
				b.t.Error(err)
			}
		},
		"HTTP": func(b *bubble, _, _ *client, _ int) {
			if status, body, _ := b.request("POST", "lobby"); status != 201 {
				b.t.Error(status, body)
			}
		},
	} {
		t.Run(door, func(t *testing.T) {
			around := withQuery("token=bo")
			inBubbleWith(t, chat.Settings{}, tokens{}, around, func(t *testing.T, b *bubble) {
				li := b.connect().hello(`,"token":"li","rooms":[{"room":"lobby"}]`)
				li.send(`{"type":"send","room":"lobby","body":0}`)
				li.expect(`{"type":"message","seq":1,"…":"…"}`)
				b.checkState("bo", "lobby", 0, 1)

				c, raw := b.connect().hello(`,"token":"bo","rooms":[{"room":"lobby"}]`), b.connectRaw()
				other := b.connect().hello(`,"token":"bo","rooms":[{"room":"lobby"}]`)
				say(b, c, raw, 2)
				other.expect(`{"type":"message","seq":2,"…":"…"}`, `{"type":"read","room":"lobby","seq":2,"unread":0}`)
				b.checkState("bo", "lobby", 2, 0)
				for i := range 3 {
					say(b, c, raw, 3+i)
					other.expect(fmt.Sprintf(`{"type":"message","seq":%d,"…":"…"}`, 3+i))
				}
				b.checkState("bo", "lobby", 2, 3)
				time.Sleep(time.Second)
				other.expect(`{"type":"read","room":"lobby","seq":5,"unread":0}`)
				b.checkState("bo", "lobby", 5, 0)
				b.checkState("li", "lobby", 1, 4)
				other.silent(time.Minute)
			})
		})
	}
}

// With the second after a message the mark is not lost: Close moves it.
func TestUnread_ToSendIsToRead_OutlivesTheHub(t *testing.T) {
	dir := t.TempDir()
	for i, want := range []string{`"read":0,"unread":0`, `"read":3,"unread":0`} {
		ws, hub := serve(t, chat.Config{Journal: pebbleIn(t, dir)}, &chat.Handler{Auth: tokens{}})
		c := dialV1(t, ws)
		c.send(`{"type":"hello","token":"ann","rooms":[{"room":"tea"}]}`)
		if got := c.next(); !strings.Contains(got, want) {
			t.Errorf("start %d: %s, want %s", i, got, want)
		}
		for range 3 {
			c.send(`{"type":"send","room":"tea","body":1}`)
			c.expect(`{"type":"message","…":"…"}`)
		}
		c.closeNow()
		if err := hub.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// marksFail is a journal whose marks cannot be written.
type marksFail struct{ journal.Journal }

func (j marksFail) Records() journal.Records { return updatesFail{j.Journal.Records()} }

type updatesFail struct{ journal.Records }

func (updatesFail) Update(_ context.Context, _ string, _ func([]byte) ([]byte, error)) error {
	return fmt.Errorf("disk is full: %w", journal.ErrUnavailable)
}

// A mark that cannot be moved costs nobody a message.
func TestUnread_MarkNotMoved_CostsNothingElse(t *testing.T) {
	config := func() chat.Config { return chat.Config{Journal: marksFail{memjournal.New(memjournal.Options{})}} }
	onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
		c := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
		c.send(`{"type":"send","room":"tea","body":1}`)
		c.expect(`{"type":"message","seq":1,"…":"…"}`)
		synctest.Wait()
		c.send(`{"type":"read","id":"1","room":"tea","seq":1}`)
		c.expect(`{"type":"error","id":"1","code":"unavailable","…":"…"}`)
		c.send(`{"type":"send","id":"2","room":"tea","body":1}`)
		c.expect(`{"type":"ok","id":"2","…":"…"}`)
		if err := errors.Join(b.hub.Check(), b.hub.Close(t.Context()), b.hub.Empty()); err != nil {
			t.Error(err)
		}
	})
}

// reads counts the pages that are read.
type reads struct {
	journal.Journal
	n atomic.Int64
}

func (j *reads) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	j.n.Add(1)
	return j.Journal.Read(ctx, q)
}

// Under a policy that hides what is old, the first who is told of a room's unread messages
// costs a search, and the others next to nothing: also when more has become too old.
func TestUnread_OldMessages_AreSearchedOnce(t *testing.T) {
	const messages = 4000
	var j *reads
	config := func() chat.Config {
		j = &reads{Journal: memjournal.New(memjournal.Options{Retention: func(string) journal.Retention { return journal.Retention{Count: messages} }})}
		return chat.Config{Journal: j, Settings: chat.Settings{Policies: access.Policies{
			{Pattern: "*", Read: subject(t, "anyone"), History: access.History{Age: time.Hour}},
		}}}
	}
	onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		for range messages { // one each second
			say(t, j.Journal, "tea", "x")
			time.Sleep(time.Second)
		}
		users := 0
		look := func(most int64) {
			t.Helper()
			j.n.Store(0)
			users++
			_, unread := b.state(fmt.Sprint("user-", users), "tea")
			first, err := j.Journal.Read(t.Context(), journal.Query{Room: "tea", Limit: messages, Bytes: 1 << 30})
			if err != nil {
				t.Fatal(err)
			}
			want := 0
			for i := range first.Entries {
				if time.Since(time.UnixMilli(first.Entries[i].At)) <= time.Hour {
					want++
				}
			}
			if unread != fmt.Sprint(want) {
				t.Errorf("unread %s, want %d", unread, want)
			}
			t.Logf("%d reads", j.n.Load())
			if n := j.n.Load(); n > most {
				t.Errorf("%d reads, want %d at most", n, most)
			}
		}
		look(20)
		look(3)
		time.Sleep(time.Second) // one more is too old
		look(5)
		time.Sleep(10 * time.Minute) // 600 more are
		look(25)
		look(3)
		time.Sleep(2 * time.Hour)
		look(25)
		look(3)
	})
}
