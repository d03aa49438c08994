package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// forgetting is a journal that loses those who follow it, and that cannot look at heads for a
// while.
type forgetting struct {
	journal.Journal

	mu    sync.Mutex // guards the rest
	feed  func(journal.Lost)
	own   journal.Follower
	stops []func()
	fails int // looks at heads that are still to fail
}

func (j *forgetting) FollowFeed(part int, wants func(string) bool, deliver func(journal.Entry), lost func(journal.Lost)) (func(), error) {
	stop, err := j.Journal.FollowFeed(part, wants, deliver, lost)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.feed, j.stops = lost, append(j.stops, stop)
	return stop, err
}

func (j *forgetting) Follow(room string, after journal.Seq, f journal.Follower) (journal.Start, error) {
	start, err := j.Journal.Follow(room, after, f)
	if journal.IsReserved(room) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.own, j.stops = f, append(j.stops, start.Stop)
	}
	return start, err
}

func (j *forgetting) Heads(ctx context.Context, rooms []string) ([]journal.Head, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fails > 0 {
		j.fails--
		return nil, fmt.Errorf("%w: not now", journal.ErrUnavailable)
	}
	return j.Journal.Heads(ctx, rooms)
}

// lose ends all followings, without a word to their followers.
func (j *forgetting) lose() (feed func(journal.Lost), own journal.Follower) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, stop := range j.stops {
		stop()
	}
	j.stops = nil
	return j.feed, j.own
}

// What the journal loses, or cannot read for a while, is told later: nothing that has
// changed meanwhile is missing in a list that stays open.
func TestList_WhatTheJournalLoses_IsToldLater(t *testing.T) {
	var j *forgetting
	config := func() chat.Config {
		j = &forgetting{Journal: memjournal.New(memjournal.Options{})}
		return chat.Config{Journal: j, Settings: chat.Settings{Policies: chatApp(t)}}
	}
	onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		g := ann.create(`"key":"k","title":"Trip","users":["ben"]`)
		ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
		ann.next()
		ben := b.connect().openList("ben")
		say := func(text string) {
			ann.send(fmt.Sprintf(`{"type":"send","id":"s","room":%q,"body":{"text":%q}}`, g, text))
			ann.next()
			ann.next()
		}

		feed, own := j.lose()
		say("unheard")
		ben.silent(5 * time.Second)
		feed(journal.Lost{Why: errors.New("too slow")})
		ben.expect(`{"type":"head","title":"Trip","closed":false,"size":2,"entry":{"body":{"text":"unheard"},"…":"…"},"…":"…"}`)
		say("heard again")
		ben.expect(`{"type":"head","entry":{"body":{"text":"heard again"},"…":"…"},"…":"…"}`)

		own.Lost(journal.Lost{Why: errors.New("too slow")})
		ben.expect(`{"type":"row","unread":2,"…":"…"}`)
		other := b.connect().hello(`,"token":"ben"`)
		other.send(fmt.Sprintf(`{"type":"set","id":"1","room":%q,"top":true}`, g))
		other.next()
		ben.expect(`{"type":"row","top":true,"…":"…"}`)

		j.mu.Lock()
		j.fails = 3
		j.mu.Unlock()
		say("later")
		ben.expect(`{"type":"head","entry":{"body":{"text":"later"},"…":"…"},"…":"…"}`)
		if err := b.hub.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A head tells everybody the same, but for the newest message, which is for those to whom
// it is shown.
func TestList_Heads_ShowWhatIsShown(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		g := ann.create(`"key":"k","title":"Trip","users":["ben"]`)
		in := func(format string) {
			ann.send(fmt.Sprintf(format, g))
			for typeOf(ann.next()) != "ok" {
			}
		}
		ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
		ann.next()
		in(`{"type":"send","id":"1","room":%q,"body":{"text":"a secret"}}`)
		in(`{"type":"member","id":"2","room":%q,"users":["cy"],"role":"member"}`)
		time.Sleep(time.Second) // cy is told on all nodes
		ben, cy := b.connect(), b.connect()
		for token, c := range map[string]*client{"ben": ben, "cy": cy} {
			c.openList(token)
		}
		in(`{"type":"info","id":"3","room":%q,"title":"Rome"}`)
		ben.expect(`{"type":"head","room":"…","last":4,"at":"…","count":1,"entry":{"seq":2,"body":{"text":"a secret"},"…":"…"},"title":"Rome","avatar":"","closed":false,"size":3}`)
		cy.expect(`{"type":"head","room":"…","last":4,"at":"…","count":1,"title":"Rome","avatar":"","closed":false,"size":3}`)
		in(`{"type":"recall","id":"4","room":%q,"seq":2}`)
		ben.expect(`{"type":"head","last":5,"entry":{"seq":2,"recalled":true,"…":"…"},"…":"…"}`)
		cy.expect(`{"type":"head","room":"…","last":5,"at":"…","count":1,"title":"Rome","avatar":"","closed":false,"size":3}`)
		in(`{"type":"send","id":"5","room":%q,"body":{"text":"for all"}}`)
		for _, c := range []*client{ben, cy} {
			c.expect(`{"type":"head","room":"…","last":6,"at":"…","count":2,"entry":{"body":{"text":"for all"},"…":"…"}}`)
		}
		// What ben has cleared is not shown again when it changes.
		ben.send(fmt.Sprintf(`{"type":"set","id":"c","room":%q,"clear":true}`, g))
		ben.expectAround(`{"type":"ok","id":"c","…":"…"}`, `{"type":"row","unread":0,"…":"…"}`)
		in(`{"type":"recall","id":"6","room":%q,"seq":6}`)
		ben.expect(`{"type":"head","room":"…","last":7,"at":"…","count":2,"title":"Rome","avatar":"","closed":false,"size":3}`)
		cy.expect(`{"type":"head","last":7,"entry":{"seq":6,"recalled":true,"…":"…"},"…":"…"}`)
	})
}

// When no policy has a conversation any more, its row goes from lists that are open.
func TestList_PoliciesChange_RowsGo(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().openList("ann")
		g := ann.create(`"key":"k","users":["ben"]`)
		time.Sleep(time.Second) // until the row is told: one that was not does not go
		ann.waiting()
		policies := append(access.Policies{{Pattern: g, Read: who(t, "users")}}, chatApp(t)...)
		b.hub.Configure(chat.Settings{Policies: policies})
		ann.expect(fmt.Sprintf(`{"type":"row","room":%q,"gone":true}`, g))
	})
}

// Where a reload takes the right to read away and gives it back, the row goes from open lists
// and comes back, and what is said then is told.
func TestList_PoliciesChange_RowsComeBack(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann, ben := b.connect().hello(`,"token":"ann"`), b.connect()
		g := ann.create(`"key":"k","users":["ben"]`)
		ben.openList("ben")
		for range 2 {
			policies := chatApp(t)
			policies[1].Read = who(t, "admins")
			b.hub.Configure(chat.Settings{Policies: policies})
			ben.expect(fmt.Sprintf(`{"type":"row","room":%q,"gone":true}`, g))
			b.hub.Configure(chat.Settings{Policies: chatApp(t)})
			ben.expect(fmt.Sprintf(`{"type":"row","room":%q,"role":"member","…":"…"}`, g))
			say(t, b.journal, g, "hi")
			ben.expect(fmt.Sprintf(`{"type":"head","room":%q,"…":"…"}`, g))
		}
	})
}

// A device that opens the list while another one of the same user does, and has not begun to follow
// what happens elsewhere, is told of all that has changed since.
func TestList_OpenedTwiceAtOnce_IsFollowed(t *testing.T) {
	var goOn chan struct{}
	var once atomic.Bool
	onJournal(t, func() chat.Config {
		goOn = make(chan struct{}) // of this bubble
		j := memjournal.New(memjournal.Options{})
		return chat.Config{Settings: chat.Settings{Policies: chatApp(t)}, Journal: followHook{j, func(room string) {
			if room == "@ben" && once.CompareAndSwap(false, true) {
				<-goOn
			}
		}}}
	}, tokens{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		first, third := b.connect(), b.connect().hello(`,"token":"ben"`)
		g := third.create(`"key":"k"`)
		first.send(`{"type":"hello","token":"ben","list":{}}`)
		synctest.Wait()
		second := b.connect().openList("ben")
		if got := third.ask(fmt.Sprintf(`{"type":"set","id":"?","room":%q,"top":true}`, g)); got != "" {
			t.Fatal(got)
		}
		second.expect(fmt.Sprintf(`{"type":"row","room":%q,"top":true,"…":"…"}`, g))
		close(goOn)
		first.until("welcome")
	})
}

// Whose list has a row of two loses it by a ban, though for another session of theirs nothing had
// been said there yet, and the first message was not told.
func TestList_SilentForAnotherSession_IsGone(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		d, g := ann.create(`"direct":"ben"`), ann.create(`"key":"k","users":["ben"]`)
		b.connect().openList("ben")
		say(t, b.journal, g, "hi")
		synctest.Wait() // what comes now waits for a moment
		say(t, b.journal, d, "a secret")
		second := b.connect().openList("ben")
		b.must(b.journal.Records().Put(t.Context(), "ban\x00"+d+"\x00ben", []byte(`{"until":0}`)))
		if row := second.until("row"); fieldOf(t, row, "room") != d || !strings.Contains(row, `"gone":true`) {
			t.Error(row)
		}
	})
}

// What somebody has cleared veils nothing of a conversation that was erased and begun anew: neither
// for whose list is open meanwhile, nor for who opens it then.
func TestList_BegunAnew_ShowsTheNewest(t *testing.T) {
	for _, open := range []bool{true, false} {
		inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
			ann, ben := b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"ben"`)
			d, g := ann.create(`"direct":"ben"`), ann.create(`"key":"k","users":["ben"]`)
			list := func() *client { return b.connect().openList("ben") }
			var c *client
			if open {
				c = list()
			}
			for i := range 5 {
				say(t, b.journal, d, fmt.Sprint(i))
			}
			if got := ben.ask(fmt.Sprintf(`{"type":"set","id":"?","room":%q,"clear":true}`, d)); got != "" {
				t.Fatal(got)
			}
			time.Sleep(time.Second)
			say(t, b.journal, g, "hi")
			synctest.Wait() // what comes now waits for a moment
			if _, err := b.hub.EraseRoom(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			if again := ann.create(`"direct":"ben"`); again != d {
				t.Fatalf("%s is %s now", d, again)
			}
			say(t, b.journal, d, "new")
			if !open {
				c = list()
			}
			time.Sleep(time.Second)
			drain(c)
			say(t, b.journal, d, "newer")
			if got := c.until("head"); !strings.Contains(got, `"newer"`) {
				t.Errorf("open before %t: %s", open, got)
			}
		})
	}
}

// A list that was read by policies that are over before it is known which rows go by them has all
// rows in the end, and no others.
func TestList_PoliciesChangeTwiceAtOnce(t *testing.T) {
	for _, withdrawn := range []bool{true, false} {
		inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
			ann := b.connect().hello(`,"token":"ann"`)
			g, d := ann.create(`"key":"k","users":["ben"]`), ann.create(`"direct":"ben"`)
			say(t, b.journal, d, "before")
			configure := func(withdrawn bool) {
				b.hub.Configure(chat.Settings{Policies: readers(t, map[bool]string{true: "admins", false: "members"}[withdrawn])})
			}
			configure(!withdrawn)
			b.connect().openList("ben")
			time.Sleep(time.Second)
			say(t, b.journal, d, "hi")
			synctest.Wait() // what comes now waits for a moment
			configure(withdrawn)
			_, list := b.comeBack("ben", "")
			if has := slices.Contains(list.rooms(), g); has == withdrawn {
				t.Fatalf("%v: %q", withdrawn, list.rooms())
			}
			second := b.connect().openList("ben")
			configure(!withdrawn)
			row := second.until("row")
			for fieldOf(t, row, "room") != g {
				row = second.until("row")
			}
			if gone := strings.Contains(row, `"gone":true`); gone == withdrawn {
				t.Errorf("%v: %s", withdrawn, row)
			}
		})
	}
}

// A head waits for a moment. What is said in it is not for whoever was removed, was away
// or has cleared the room meanwhile.
func TestList_Heads_AreNotForWhoIsGone(t *testing.T) {
	const removed = `{"type":"member","id":"x","room":%q,"users":["ben"],"role":"none"}`
	for name, c := range map[string]struct {
		first []string // what ben does
		then  []string // what ann does
	}{
		"removed":           {nil, []string{removed, `{"type":"send","id":"x","room":%q,"body":"a secret"}`}},
		"kicked":            {nil, []string{`{"type":"kick","id":"x","room":%q,"user":"ben"}`, `{"type":"send","id":"x","room":%q,"body":"a secret"}`}},
		"banned":            {nil, []string{`{"type":"ban","id":"x","room":%q,"user":"ben"}`, `{"type":"send","id":"x","room":%q,"body":"a secret"}`}},
		"removed, a title":  {nil, []string{removed, `{"type":"info","id":"x","room":%q,"title":"a secret"}`}},
		"left":              {[]string{removed}, []string{`{"type":"send","id":"x","room":%q,"body":"a secret"}`}},
		"away, and is back": {nil, []string{removed, `{"type":"send","id":"x","room":%q,"body":"a secret"}`, `{"type":"member","id":"x","room":%q,"users":["ben"],"role":"member"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
				ann, ben := b.connect().hello(`,"token":"ann"`), b.connect()
				g := ann.create(`"key":"k","users":["ben"]`)
				do := func(c *client, format string) {
					c.send(fmt.Sprintf(format, g))
					for got := ""; !strings.Contains(got, `"id":"x"`); {
						if got = c.any(); strings.Contains(got, "secret") && c == ben {
							t.Errorf("ben hears %s", got)
						}
					}
				}
				do(ann, `{"type":"join","id":"x","room":%q}`)
				ben.openList("ben")
				do(ann, `{"type":"send","id":"x","room":%q,"body":"m"}`)
				time.Sleep(time.Second)
				for _, frame := range c.first {
					do(ben, frame)
				}
				for _, frame := range c.then {
					do(ann, frame)
				}
				time.Sleep(2 * time.Second)
				ben.send(`{"type":"ping"}`)
				for got := ""; typeOf(got) != "pong"; {
					if got = ben.any(); strings.Contains(got, "secret") {
						t.Errorf("ben hears %s", got)
					}
				}
			})
		})
	}
}

func TestList_Heads_DoNotShowWhatIsCleared(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann, ben := b.connect().hello(`,"token":"ann"`), b.connect()
		g := ann.create(`"key":"k","users":["ben"]`)
		ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
		ben.openList("ben")
		for i := range 2 { // the second one waits for its head
			ann.send(fmt.Sprintf(`{"type":"send","id":"s%d","room":%q,"body":"cleared"}`, i, g))
			for !strings.Contains(ann.any(), fmt.Sprintf(`"id":"s%d"`, i)) {
			}
		}
		ben.send(fmt.Sprintf(`{"type":"set","id":"c","room":%q,"clear":true}`, g))
		for typeOf(ben.any()) != "row" { // a head may be under way before it
		}
		time.Sleep(2 * time.Second)
		ben.send(`{"type":"ping"}`)
		for got := ""; typeOf(got) != "pong"; {
			if got = ben.any(); strings.Contains(got, "cleared") {
				t.Errorf("ben hears %s", got)
			}
		}
	})
}
