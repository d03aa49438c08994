package chat_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// asksHeads notes of how many rooms heads were asked for at once.
type asksHeads struct {
	journal.Journal
	most atomic.Int64
}

func (j *asksHeads) Heads(ctx context.Context, rooms []string) ([]journal.Head, error) {
	if n := int64(len(rooms)); n > j.most.Load() {
		j.most.Store(n)
	}
	return j.Journal.Heads(ctx, rooms)
}

// However many conversations a list has, and however many of them change at once, the
// bodies of a hundred are in memory at a time; and each row and head is right.
func TestList_Heads_AreReadInParts(t *testing.T) {
	const rooms = 250
	var j *asksHeads
	config := func() chat.Config {
		j = &asksHeads{Journal: memjournal.New(memjournal.Options{})}
		return chat.Config{Journal: j, Settings: chat.Settings{Policies: chatApp(t), OutboxLimit: 8 << 20}}
	}
	onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		ann := b.connect().hello(`,"token":"ann"`)
		var names []string
		for i := range rooms {
			names = append(names, ann.create(fmt.Sprintf(`"key":"%d","users":["ben"]`, i)))
		}
		say := func(text string) {
			for _, room := range names {
				say(t, j.Journal, room, fmt.Sprintf(`{"text":%q}`, text+room+strings.Repeat("x", 1000)))
			}
		}
		say("first ")
		ben := b.connect()
		ben.send(`{"type":"hello","token":"ben","list":{"limit":200}}`)
		welcome := ben.any()
		if n := strings.Count(welcome, `"cut":true`); n < 100 || strings.Count(welcome, `first `) != n {
			t.Errorf("%d rows are cut: %.2000s", n, welcome)
		}
		say("second ")
		time.Sleep(5 * time.Second)
		heads := strings.Join(drain(ben), "\n")
		for _, room := range names {
			if !strings.Contains(heads, `second `+room) {
				t.Errorf("nothing is told of %s", room)
			}
		}
		if most := j.most.Load(); most > 100 || most < 50 {
			t.Errorf("heads of %d rooms are read at once", most)
		}
	})
}

// bodies is a journal that takes a while to read heads, and counts how many are read at a time and
// in all.
type bodies struct {
	journal.Journal
	now, most, all atomic.Int64
}

func (j *bodies) Heads(ctx context.Context, rooms []string) ([]journal.Head, error) {
	n := int64(len(rooms))
	now := j.now.Add(n)
	j.all.Add(n)
	for most := j.most.Load(); now > most && !j.most.CompareAndSwap(most, now); most = j.most.Load() {
	}
	time.Sleep(10 * time.Millisecond)
	j.now.Add(-n)
	return j.Journal.Heads(ctx, rooms)
}

// A newest message may have max_message: of that no more are read at a time, for lists and for
// telling them, than all readers may hold together; none is read twice, and none for a number.
// Who has read long ones is charged for them.
func TestList_Heads_TakeWhatTheyCanHave(t *testing.T) {
	const rooms, sessions = 5, 8 // beside each one's own room
	var j *bodies
	policies := chatApp(t)
	for i := range policies {
		policies[i].Receipts = 10
	}
	config := func() chat.Config {
		j = &bodies{Journal: memjournal.New(memjournal.Options{})}
		return chat.Config{Journal: j, Settings: chat.Settings{
			MaxMessage: 8 << 20, Policies: policies, ReadBytes: access.Rate{PerSecond: 1000, Burst: 4000},
		}}
	}
	onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		ann := b.connect().hello(`,"token":"ann"`)
		var names []string
		for i := range rooms {
			names = append(names, ann.create(fmt.Sprintf(`"key":"%d","users":["u0","u1"]`, i)))
			say(t, j.Journal, names[i], fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", 1000)))
		}
		time.Sleep(time.Hour)
		j.most.Store(0)
		j.all.Store(0)
		var clients []*client
		for i := range sessions {
			c := b.connect()
			c.send(fmt.Sprintf(`{"type":"hello","token":"u%d","list":{}}`, i%2))
			clients = append(clients, c)
		}
		for _, c := range clients {
			if got := c.until("welcome"); strings.Count(got, `"cut":true`) != rooms {
				t.Errorf("a list of %d: %.1000s", rooms, got)
			}
		}
		if most, all := j.most.Load(), j.all.Load(); most > 4 || most < 2 || all != (rooms+1)*sessions {
			t.Errorf("%d bodies of 8 MiB were read at a time, want 4; and %d in all, want %d", most, all, (rooms+1)*sessions)
		}
		for _, c := range clients {
			if got := c.ask(`{"type":"list","id":"?"}`); got != "too_fast" {
				t.Errorf("who has read long messages was not charged: %q", got)
			}
		}
		time.Sleep(time.Hour)
		drain(clients[0])
		j.all.Store(0)
		for _, frame := range []string{
			`{"type":"send","id":"?","room":"` + names[0] + `","body":1,"reply":1}`,
			`{"type":"set","id":"?","room":"` + names[0] + `","top":true}`,
			`{"type":"members","id":"?","room":"` + names[0] + `"}`,
		} {
			before := j.all.Load()
			ann.ask(frame)
			if n := j.all.Load() - before; n > 0 {
				t.Errorf("%s reads %d newest messages", frame, n)
			}
			time.Sleep(time.Minute)
		}
		say(t, j.Journal, names[1], `{"text":"new"}`)
		say(t, j.Journal, names[2], `{"text":"new"}`)
		j.most.Store(0)
		time.Sleep(time.Minute)
		if most := j.most.Load(); most != 1 {
			t.Errorf("%d bodies of 8 MiB were read at a time to tell of them", most)
		}
		for _, c := range append(clients, ann) {
			c.closeNow()
		}
	})
}

// A hello whose list cannot be read now is answered all the same, once; the error about the
// list has no id.
func TestList_Refused_LeavesTheWelcome(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t), ReadBytes: access.Rate{PerSecond: 10, Burst: 100}}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		for range 2 { // by then too much was read
			ann.send(`{"type":"list"}`)
			ann.expect(`{"type":"list","…":"…"}`)
		}
		c := b.connect()
		c.send(`{"type":"hello","id":"1","token":"ann","list":{}}`)
		c.expect(`{"type":"error","code":"too_fast","field":"list","message":"…","retry":"…"}`)
		if got := c.any(); typeOf(got) != "welcome" || !strings.Contains(got, `"id":"1"`) || strings.Contains(got, `"list":`) {
			t.Errorf("the answer is %s", got)
		}
	})
}

// A guest who was made a member has no row where only users read, and hears nothing of it.
// Where members read, a guest is one.
func TestList_Guests_HaveRowsOfWhatTheyRead(t *testing.T) {
	for _, c := range []struct {
		read []string
		rows int
	}{{[]string{"users"}, 0}, {[]string{"guests"}, 1}, {[]string{"users", "members"}, 1}} {
		policies := chatApp(t)
		policies[1].Read = who(t, c.read...)
		inBubble(t, chat.Settings{Policies: policies}, tokens{}, func(t *testing.T, b *bubble) {
			ann, guest := b.connect().hello(`,"token":"ann"`), b.connect()
			guest.openList("guest-g")
			g := ann.create(`"key":"k","users":["guest-g"]`)
			say(t, b.journal, g, "a secret")
			time.Sleep(time.Second)
			guest.send(`{"type":"list"}`)
			told := strings.Join(drain(guest), "")
			if n := strings.Count(told, "a secret"); min(n, 1) != c.rows {
				t.Errorf("read %v: told %s", c.read, told)
			}
			if got := guest.ask(fmt.Sprintf(`{"type":"history","id":"?","room":%q}`, g)); (got == "forbidden") != (c.rows == 0) {
				t.Errorf("read %v: the guest reads: %q", c.read, got)
			}
		})
	}
}

// Where reading needs a claim, lists have no row for members: who lacks the claim would be
// told what is said. With members beside it, all members have one.
func TestList_ReadByClaim_HasNoRows(t *testing.T) {
	for _, c := range []struct {
		read []string
		rows int
	}{{[]string{"role=staff"}, 0}, {[]string{"role=staff", "admins"}, 0}, {[]string{"role=staff", "members"}, 1}} {
		policies := chatApp(t)
		policies[1].Read = who(t, c.read...)
		inBubble(t, chat.Settings{Policies: policies}, tokens{}, func(t *testing.T, b *bubble) {
			ann := b.connect().hello(`,"token":"ann"`)
			g := ann.create(`"key":"k","users":["ben"]`)
			if got := ann.ask(fmt.Sprintf(`{"type":"history","id":"?","room":%q}`, g)); (got == "forbidden") != (len(c.read) == 1) {
				t.Errorf("read %v: the owner reads: %q", c.read, got)
			}
			ben := b.connect()
			ben.send(`{"type":"hello","token":"ben","list":{}}`)
			welcome := ben.any()
			say(t, b.journal, g, "a secret")
			time.Sleep(time.Second)
			ben.send(fmt.Sprintf(`{"type":"list","rooms":[%q]}`, g))
			listed := strings.Join(drain(ben), "")
			told := strings.Count(listed, "a secret")
			if n := strings.Count(welcome, g); min(n, 1) != c.rows || min(told, 1) != c.rows {
				t.Errorf("read %v: %d rows, and what is said is told %d times, want %d", c.read, n, told, c.rows)
			}
			if c.rows == 0 && !strings.Contains(listed, `"gone":true`) {
				t.Errorf("read %v: %s", c.read, listed)
			}
		})
	}
}
