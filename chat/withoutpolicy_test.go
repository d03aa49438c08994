package chat_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// openToAll are policies that name no conversation.
func openToAll(t *testing.T) access.Policies {
	return access.Policies{{Pattern: "*", Read: who(t, "anyone"), Write: who(t, "anyone")}}
}

// waiting returns what has come, in a bubble.
func (c *client) waiting() (frames []string) {
	for {
		synctest.Wait()
		select {
		case frame := <-c.frames:
			if typeOf(frame) != "presence" {
				frames = append(frames, frame)
			}
		default:
			return frames
		}
	}
}

// Who is in a conversation when its policy goes is told, and hears nothing more, be it a
// member or not; nor does a hub show it that has never known the policy. When the policy
// comes back, all is as before.
func TestConversation_WithoutItsPolicy_IsClosed(t *testing.T) {
	var j journal.Journal
	onJournal(t, func() chat.Config {
		j = memjournal.New(memjournal.Options{})
		return chat.Config{Settings: chat.Settings{Policies: chatApp(t)}, Journal: &unclosed{j}}
	}, tokens{}, alone, func(t *testing.T, b *bubble) {
		ann, ben, eve := b.connect().hello(`,"token":"ann","list":{}`), b.connect(), b.connect().hello(`,"token":"eve"`)
		g := ann.create(`"key":"k","title":"Trip","users":["ben"]`)
		c := ann.create(`"key":"k","pattern":"c-*","title":"News"`)
		ben.send(`{"type":"hello","token":"ben","list":{}}`)
		ben.any()
		join := func(code string) {
			t.Helper()
			for _, who := range []*client{ann, ben, eve} {
				for _, room := range []string{g, c} {
					want := code
					if who == eve && room == g {
						want = "forbidden"
					}
					if got := who.ask(fmt.Sprintf(`{"type":"join","id":"?","room":%q}`, room)); got != want {
						t.Fatalf("join: %q, not %q", got, want)
					}
				}
			}
			synctest.Wait()
		}
		join("")
		time.Sleep(time.Second) // until ann is told of both rows: one that she has not heard of does not go
		for _, who := range []*client{ann, ben, eve} {
			who.waiting()
		}
		configure := func(hub *chat.Hub, policies access.Policies) {
			set := hub.Settings()
			set.Policies = policies
			hub.Configure(set)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		for range 2 {
			configure(b.hub, openToAll(t))
			for _, who := range []*client{ann, ben, eve} {
				removed, gone := 0, 0
				for _, frame := range who.waiting() {
					switch typeOf(frame) {
					case "removed":
						removed++
					case "row":
						gone++
						who.match(`{"type":"row","room":"…","gone":true}`, frame)
					default:
						t.Errorf("told of %s", frame)
					}
				}
				if want := map[*client]int{ann: 2, ben: 2, eve: 1}[who]; removed != want {
					t.Errorf("removed from %d, not %d", removed, want)
				}
				if want := map[*client]int{ann: 2, ben: 1, eve: 0}[who]; gone != want {
					t.Errorf("%d rows are gone, not %d", gone, want)
				}
			}
			if _, err := b.hub.Announce(t.Context(), g, []byte(`{"text":"hi"}`)); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			for _, who := range []*client{ann, ben, eve} {
				if got := who.waiting(); len(got) > 0 {
					t.Errorf("told of %s", got)
				}
			}
			join("forbidden")
			configure(b.hub, chatApp(t))
			join("")
			for _, who := range []*client{ann, ben, eve} {
				who.waiting()
			}
		}
		b.close()

		later, err := chat.NewHub(chat.Config{Settings: chat.Settings{Policies: openToAll(t)}, Journal: j})
		if err != nil {
			t.Fatal(err)
		}
		b.hub, b.handler.Hub = later, later
		ann, ben, eve = b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"ben"`), b.connect().hello(`,"token":"eve"`)
		join("forbidden")
		configure(later, chatApp(t))
		join("")
		b.close()
	})
}

// unclosed is a journal for several hubs, one after the other.
type unclosed struct{ journal.Journal }

func (*unclosed) Close() error { return nil }

// lookups is a journal that counts the looks at single records.
type lookups struct {
	journal.Journal
	n atomic.Int64
}

type lookedUp struct {
	journal.Records
	n *atomic.Int64
}

func (j *lookups) Records() journal.Records { return lookedUp{j.Journal.Records(), &j.n} }

func (r lookedUp) Get(ctx context.Context, key string) (journal.Record, error) {
	r.n.Add(1)
	return r.Records.Get(ctx, key)
}

func (r lookedUp) GetMany(ctx context.Context, keys []string) ([]journal.Record, error) {
	r.n.Add(1)
	return r.Records.GetMany(ctx, keys)
}

// Where no policy has ever said that a room is a conversation nothing is looked up to say
// something there, and in a conversation no more than its three records.
func TestConversation_Policies_CostNoLookups(t *testing.T) {
	var j *lookups
	onJournal(t, func() chat.Config {
		j = &lookups{Journal: memjournal.New(memjournal.Options{})}
		return chat.Config{Settings: chat.Settings{Policies: chatApp(t)}, Journal: j}
	}, tokens{}, alone, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
		g := ann.create(`"key":"k","title":"Trip","users":["ben"]`)
		ann.ask(fmt.Sprintf(`{"type":"join","id":"?","room":%q}`, g))
		for room, want := range map[string]int64{"tea": 0, g: 3} {
			say := func() {
				ann.ask(fmt.Sprintf(`{"type":"typing","id":"?","room":%q}`, room))
				synctest.Wait()
			}
			say() // what is looked up once
			time.Sleep(time.Minute)
			before := j.n.Load()
			say()
			if n := j.n.Load() - before; n > want {
				t.Errorf("%s: %d looks at records, not %d", room, n, want)
			}
		}
		b.close()
	})
}
