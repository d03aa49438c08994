package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// inNodes runs f against servers on fake time that share a store, and closes those that are
// left.
func inNodes(t *testing.T, n int, set chat.Settings, f func(t *testing.T, nodes []*bubble)) {
	t.Helper()
	inNodesOn(t, n, set, func(j journal.Journal) journal.Journal { return j }, f)
}

// inNodesOn is inNodes with something around each journal.
func inNodesOn(t *testing.T, n int, set chat.Settings, around func(journal.Journal) journal.Journal, f func(t *testing.T, nodes []*bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := memjournal.NewStore(memjournal.Options{})
		var nodes []*bubble
		for range n {
			b, stop := begin(t, chat.Config{Settings: set, Journal: around(store.Open())}, testAuth{}, alone)
			defer stop()
			nodes = append(nodes, b)
		}
		synctest.Wait()
		f(t, nodes)
		for _, b := range nodes {
			if b.hub.Health() == nil {
				b.close()
			}
		}
	})
}

func came(user string, members int) string {
	return fmt.Sprintf(`{"type":"presence","room":"r","joined":[{"id":%q,"…":"…"}],"left":[],"members":%d}`, user, members)
}

func went(user string, members int) string {
	return fmt.Sprintf(`{"type":"presence","room":"r","joined":[],"left":[{"id":%q,"…":"…"}],"members":%d}`, user, members)
}

// joins says hello as a user in room r, and fails unless there are so many members.
func (b *bubble) joins(user string, members int) *client {
	b.t.Helper()
	c := b.connect()
	c.send(fmt.Sprintf(`{"type":"hello","token":%q,"rooms":[{"room":"r"}]}`, user))
	c.expect(fmt.Sprintf(`{"type":"welcome","rooms":[{"room":"r","members":%d,"…":"…"}],"…":"…"}`, members))
	return c
}

// Those in a room at one node see who is there at others, as if all were at one: who comes,
// who goes, guests too, and how many there are.
func TestNodes_Presence_IsOne(t *testing.T) {
	inNodes(t, 3, chat.Settings{AwayDelay: 10 * time.Second}, func(t *testing.T, nodes []*bubble) {
		ann := nodes[0].joins("ann", 1)
		ben := nodes[1].joins("ben", 2)
		ann.presence(came("ben", 2))
		guest := nodes[2].joins("guest-1", 3)
		ann.presence(came("guest-1", 3))
		ben.presence(came("guest-1", 3))
		guest.send(`{"type":"who","id":"1","room":"r"}`)
		guest.expect(`{"type":"who","id":"1","room":"r","users":[{"…":"…"},{"…":"…"},{"…":"…"}],"members":3}`)

		// A second session of a user, at another node, is nobody new.
		again := nodes[2].joins("ben", 3)
		ben.send(`{"type":"leave","room":"r"}`)
		ann.silent(time.Minute)
		again.send(`{"type":"leave","room":"r"}`)
		ann.presence(went("ben", 2))
		guest.presence(went("ben", 2))

		// Who has lost the connection is gone after a while, and not before.
		guest.closeNow()
		ann.silent(9 * time.Second)
		ann.presence(went("guest-1", 1))

		// A user who comes back in time on another node never left.
		ben = nodes[1].joins("ben", 2)
		ann.presence(came("ben", 2))
		ben.closeNow()
		time.Sleep(8 * time.Second)
		nodes[2].joins("ben", 2)
		ann.silent(time.Minute)
	})
}

// The users of a node that dies leave as if their connections were lost, and one of them
// who comes back at another node in time never left.
func TestNodes_DeadNode_ItsUsersLeave(t *testing.T) {
	store := memjournal.NewStore(memjournal.Options{})
	synctest.Test(t, func(t *testing.T) {
		store = memjournal.NewStore(memjournal.Options{})
		set := chat.Settings{AwayDelay: 10 * time.Second}
		var nodes []*bubble
		var dies *dying
		for i := range 2 {
			j := journal.Journal(store.Open())
			if i == 1 {
				dies = &dying{Journal: j}
				j = dies
			}
			b, stop := begin(t, chat.Config{Settings: set, Journal: j}, testAuth{}, alone)
			defer stop()
			nodes = append(nodes, b)
		}
		synctest.Wait()
		ann := nodes[0].joins("ann", 1)
		nodes[1].joins("ben", 2)
		ann.presence(came("ben", 2))
		nodes[1].joins("cy", 3)
		ann.presence(came("cy", 3))
		dies.die(t)
		time.Sleep(5 * time.Second)
		nodes[0].joins("ben", 3)
		ann.silent(4 * time.Second)
		ann.presence(went("cy", 2))
		nodes[0].close()
		_ = nodes[1].hub.Close(context.Background()) // it has lost its journal
	})
}

// dying is a journal of a node that ends at once: nothing that it does reaches others.
type dying struct {
	journal.Journal
	mu   sync.Mutex
	dead bool
}

func (j *dying) die(t *testing.T) {
	t.Helper()
	j.mu.Lock()
	j.dead = true
	j.mu.Unlock()
	if err := j.Journal.Close(); err != nil {
		t.Error(err)
	}
}

func (j *dying) isDead() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.dead
}

func (j *dying) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if j.isDead() {
		done(journal.Receipt{}, journal.ErrUnavailable)
		return
	}
	j.Journal.Append(ctx, e, done)
}

func (j *dying) Close() error {
	if j.isDead() {
		return nil
	}
	return j.Journal.Close()
}

// membersAre waits until the client is told of so many members.
func (c *client) membersAre(n int) {
	c.t.Helper()
	for {
		var p struct{ Members int }
		if err := json.Unmarshal([]byte(c.any()), &p); err != nil {
			c.t.Fatal(err)
		}
		if p.Members == n {
			return
		}
	}
}

// forgetful is a journal that loses some of what nodes tell each other.
type forgetful struct {
	journal.Journal
	mu    sync.Mutex
	loses bool
	lost  int
}

func (j *forgetful) set(loses bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.loses = loses
}

func (j *forgetful) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	j.mu.Lock()
	loses := j.loses && e.Room == "@"
	if loses {
		j.lost++
	}
	j.mu.Unlock()
	if loses {
		done(journal.Receipt{}, nil)
		return
	}
	j.Journal.Append(ctx, e, done)
}

// What was lost of who has come and gone is known two seconds later, also if the node that
// has opened a room has heard no answer.
func TestNodes_Presence_LostIsFound(t *testing.T) {
	var all []*forgetful
	around := func(j journal.Journal) journal.Journal {
		all = append(all, &forgetful{Journal: j})
		return all[len(all)-1]
	}
	inNodesOn(t, 2, chat.Settings{AwayDelay: -1}, around, func(t *testing.T, nodes []*bubble) {
		lose := func(is bool) {
			for _, j := range all {
				j.set(is)
			}
		}
		ann := nodes[0].joins("ann", 1)
		lose(true)
		ben := nodes[1].joins("ben", 1) // it has heard no answer in time
		time.Sleep(100 * time.Millisecond)
		cy := nodes[1].joins("cy", 2)
		lose(false)
		within := time.Now().Add(2500 * time.Millisecond)
		for _, c := range []*client{ann, ben, cy} {
			c.membersAre(3)
		}
		lose(true)
		cy.send(`{"type":"leave","room":"r"}`)
		ben.presence(went("cy", 2))
		lose(false)
		if time.Now().After(within) {
			t.Errorf("known %v too late", time.Since(within))
		}
		ann.presence(went("cy", 2))
		if all[0].lost == 0 || all[1].lost == 0 {
			t.Errorf("lost: %d, %d", all[0].lost, all[1].lost)
		}
	})
}

// A node that comes later finds who is there, and who is there hears of its users.
func TestNodes_NewNode_FindsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memjournal.NewStore(memjournal.Options{})
		old, stopOld := begin(t, chat.Config{Journal: store.Open()}, testAuth{}, alone)
		defer stopOld()
		ann := old.joins("ann", 1)
		fresh, stopFresh := begin(t, chat.Config{Journal: store.Open()}, testAuth{}, alone)
		defer stopFresh()
		synctest.Wait()
		ben := fresh.joins("ben", 2)
		ann.presence(came("ben", 2))
		ann.send(`{"type":"leave","room":"r"}`)
		ben.presence(went("ann", 1))
		fresh.close()
		old.close()
	})
}

// A live room that is full at one node is full at all.
func TestNodes_MaxMembers_CountsAll(t *testing.T) {
	set := chat.Settings{Policies: access.Policies{{Pattern: "*", Read: who(t, "anyone"), Write: who(t, "anyone"), MaxMembers: 3}}}
	inNodes(t, 3, set, func(t *testing.T, nodes []*bubble) {
		for i, user := range []string{"ann", "ben", "cy"} {
			nodes[i].joins(user, i+1)
		}
		time.Sleep(time.Second)
		for _, b := range nodes {
			c := b.connect()
			c.send(`{"type":"hello","token":"dan","rooms":[{"room":"r"}]}`)
			c.expect(`{"type":"welcome","rooms":[{"room":"r","code":"room_full","…":"…"}],"…":"…"}`)
			if again := b.connect(); again != nil {
				again.send(`{"type":"hello","token":"ann","rooms":[{"room":"r"}]}`)
				var w struct{ Rooms []struct{ Members int } }
				if err := json.Unmarshal([]byte(again.next()), &w); err != nil || w.Rooms[0].Members != 3 {
					t.Errorf("who is there already: %v, %v", w, err)
				}
			}
		}
	})
}

// In a full room, users whose connection was lost give way to who comes, first who was lost first:
// nobody keeps others out by coming and dropping the connection. Who is there stays.
func TestPresence_WhoWasLost_GivesWay(t *testing.T) {
	set := chat.Settings{Policies: access.Policies{{Pattern: "*", Read: who(t, "anyone"), Write: who(t, "anyone"), MaxMembers: 3}}}
	inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.joins("ann", 1)
		for i, user := range []string{"ben", "cy"} {
			b.joins(user, i+2).closeNow()
			time.Sleep(time.Second)
		}
		there := func() string {
			ann.send(`{"type":"who","id":"w","room":"r"}`)
			var f struct{ Users []struct{ ID string } }
			if err := json.Unmarshal([]byte(ann.until("who")), &f); err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, u := range f.Users {
				ids = append(ids, u.ID)
			}
			slices.Sort(ids)
			return strings.Join(ids, " ")
		}
		if got := there(); got != "ann ben cy" {
			t.Errorf("there are %s", got)
		}
		b.joins("cy", 3).closeNow() // who was lost comes back to the own place, and is lost later
		time.Sleep(time.Second)
		dan := b.joins("dan", 3)
		time.Sleep(time.Second)
		if got := there(); got != "ann cy dan" {
			t.Errorf("after one has come there are %s", got)
		}
		b.joins("eve", 3)
		time.Sleep(time.Second)
		if got := there(); got != "ann dan eve" {
			t.Errorf("after two have come there are %s", got)
		}
		for _, user := range []string{"ben", "cy"} {
			c := b.connect()
			c.send(fmt.Sprintf(`{"type":"hello","token":%q,"rooms":[{"room":"r"}]}`, user))
			c.expect(`{"type":"welcome","rooms":[{"room":"r","code":"room_full","…":"…"}],"…":"…"}`)
		}
		dan.closeNow()
		time.Sleep(time.Minute)
		if got := there(); got != "ann eve" {
			t.Errorf("in the end there are %s", got)
		}
	})
}
