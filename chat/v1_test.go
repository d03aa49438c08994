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
	"github.com/caddychat/caddy-chat/chat/wire"
)

func TestV1_HelloTimeout(t *testing.T) {
	inBubble(t, chat.Settings{}, nil, func(t *testing.T, b *bubble) {
		c := b.connect()
		c.send(`{"type":"ping"}`)
		c.expect(`{"type":"error","code":"no_hello","…":"…"}`)
		c.silent(10*time.Second - time.Millisecond)
		c.expect(`{"type":"bye","code":"hello_timeout","message":"…","retry":1000}`)
		c.closed(4004)
	})
}

func TestV1_GoneForAMoment_IsNotAnnounced(t *testing.T) {
	inBubble(t, chat.Settings{}, testAuth{}, func(t *testing.T, b *bubble) {
		a := b.connect().hello(`,"rooms":[{"room":"r"}]`)
		join := `,"token":"guest-x","rooms":[{"room":"r"}]`
		lost := b.connect().hello(join)
		came := `{"type":"presence","room":"r","joined":[{"id":"guest-x","…":"…"}],"left":[],"members":2}`
		a.presence(came)

		lost.conn.CloseNow()
		a.silent(29 * time.Second)
		back := b.connect().hello(join)
		a.silent(time.Minute)

		back.conn.CloseNow()
		a.silent(30*time.Second - time.Millisecond)
		a.presence(`{"type":"presence","room":"r","joined":[],"left":[{"id":"guest-x","…":"…"}],"members":1}`)
		b.connect().hello(join)
		a.presence(came)
	})
}

// presence fails unless this presence comes next.
func (c *client) presence(want string) {
	c.t.Helper()
	c.match(want, c.any())
}

// Many who come at once cost one frame, and nobody is told of themselves.
func TestV1_Presence_IsCollected(t *testing.T) {
	inBubble(t, chat.Settings{MaxConnectionsPerIP: 1000}, testAuth{}, func(t *testing.T, b *bubble) {
		a := b.connect().hello(`,"rooms":[{"room":"r"}]`)
		a.silent(time.Second)
		var came []*client
		for i := range 3 {
			came = append(came, b.connect().hello(fmt.Sprintf(`,"token":"guest-%d","rooms":[{"room":"r"}]`, i)))
		}
		a.presence(`{"type":"presence","room":"r","joined":[{"id":"guest-0","…":"…"},{"id":"guest-1","…":"…"},{"id":"guest-2","…":"…"}],"left":[],"members":4}`)
		came[1].presence(`{"type":"presence","room":"r","joined":[{"id":"guest-0","…":"…"},{"id":"guest-2","…":"…"}],"left":[],"members":4}`)
		// One who comes and goes at once was never there.
		x := b.connect().hello(`,"token":"guest-x","rooms":[{"room":"r"}]`)
		x.send(`{"type":"leave","room":"r"}`)
		a.silent(time.Minute)
	})
}

func TestV1_Recall_TooLate(t *testing.T) {
	inBubble(t, chat.Settings{}, testAuth{}, func(t *testing.T, b *bubble) {
		a := b.connect().hello(`,"token":"guest-a","rooms":[{"room":"r"}]`)
		m := b.connect().hello(`,"token":"moderator","rooms":[{"room":"r"}]`)
		a.send(`{"type":"send","room":"r","body":"one"}`)
		a.expect(`{"type":"message","seq":1,"…":"…"}`)
		time.Sleep(2*time.Minute + time.Millisecond)
		a.send(`{"type":"recall","id":"1","room":"r","seq":1}`)
		a.expect(`{"type":"error","id":"1","code":"too_late","message":"…","retry":false}`)
		m.expect(`{"type":"message","seq":1,"…":"…"}`)
		m.send(`{"type":"recall","room":"r","seq":1}`)
		m.expect(`{"type":"recalled","seq":2,"target":1,"…":"…"}`)
		a.expect(`{"type":"recalled","seq":2,"target":1,"…":"…"}`)
	})
}

func TestV1_Typing_IsThinnedOut(t *testing.T) {
	inBubble(t, chat.Settings{}, testAuth{}, func(t *testing.T, b *bubble) {
		a := b.connect().hello(`,"token":"guest-a","rooms":[{"room":"r"}]`)
		other := b.connect().hello(`,"rooms":[{"room":"r"}]`)
		own := b.connect().hello(`,"token":"guest-a","rooms":[{"room":"r"}]`)
		for _, c := range []*client{other, own} {
			c.drain(time.Second)
		}
		typing := `{"type":"typing","room":"r","from":{"id":"guest-a","…":"…"}}`
		a.send(`{"type":"typing","room":"r"}`)
		a.send(`{"type":"typing","room":"r"}`)
		other.expect(typing)
		other.silent(2 * time.Second)
		a.send(`{"type":"typing","room":"r"}`)
		other.expect(typing)
		own.silent(time.Minute)
	})
}

// drain takes what comes within d.
func (c *client) drain(d time.Duration) {
	for over := time.After(d); ; {
		select {
		case <-c.frames:
		case <-over:
			return
		}
	}
}

// limited is an Authenticator whose tokens, "name 5m", end.
type limited struct{}

func (limited) Authenticate(_ context.Context, c access.Credential) (*access.Identity, error) {
	name, life, _ := strings.Cut(c.Token, " ")
	d, err := time.ParseDuration(life)
	if err != nil {
		return nil, wire.BadToken.Error("")
	}
	return &access.Identity{User: journal.User{ID: name}, Settled: true, Expires: time.Now().Add(d)}, nil
}

func TestV1_Token_EndsUnlessRenewed(t *testing.T) {
	inBubble(t, chat.Settings{}, limited{}, func(t *testing.T, b *bubble) {
		c := b.connect().hello(`,"token":"li 5m"`)
		c.silent(4*time.Minute - time.Millisecond)
		c.expect(`{"type":"expiring","expires":"…"}`)
		c.send(`{"type":"renew","id":"1","token":"bo 5m"}`)
		c.expect(`{"type":"error","id":"1","code":"bad_token","message":"…","retry":false}`)
		c.send(`{"type":"renew","id":"2","token":"li 5m"}`)
		c.expect(`{"type":"ok","id":"2","expires":"…"}`)
		c.silent(4*time.Minute - time.Millisecond)
		c.expect(`{"type":"expiring","expires":"…"}`)
		c.silent(time.Minute - time.Millisecond)
		c.expect(`{"type":"bye","code":"expired","message":"…","retry":false}`)
		c.closed(4502)
	})
}

func TestV1_Mute_Ends(t *testing.T) {
	inBubble(t, chat.Settings{}, testAuth{}, func(t *testing.T, b *bubble) {
		a := b.connect().hello(`,"token":"guest-a","rooms":[{"room":"r"}]`)
		b.must(b.hub.Mute("", "guest-a", time.Minute))
		a.expect(`{"type":"muted","for":60000}`)
		time.Sleep(20 * time.Second)
		a.send(`{"type":"send","id":"1","room":"r","body":""}`)
		a.expect(`{"type":"error","id":"1","code":"muted","message":"…","retry":40000}`)
		time.Sleep(40 * time.Second)
		a.send(`{"type":"send","id":"2","room":"r","body":""}`)
		a.expect(`{"type":"ok","id":"2","…":"…"}`)
	})
}

func TestV1_Ban_IsKeptAndEnds(t *testing.T) {
	inBubble(t, chat.Settings{}, testAuth{}, func(t *testing.T, b *bubble) {
		a := b.connect().hello(`,"token":"guest-a","rooms":[{"room":"r"}]`)
		b.must(b.hub.Ban("", "guest-a", time.Hour))
		a.expect(`{"type":"bye","code":"banned","message":"…","retry":false}`)
		a.closed(4505)
		a = b.connect()
		a.send(`{"type":"hello","id":"1","token":"guest-a"}`)
		a.expect(`{"type":"error","id":"1","code":"banned","message":"…","retry":3600000}`, `{"type":"bye","code":"banned","…":"…"}`)
		a.closed(4505)
		time.Sleep(time.Hour)
		b.connect().hello(`,"token":"guest-a"`)
	})
}

func (b *bubble) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestV1_Shutdown_SpreadsReturns(t *testing.T) {
	inBubble(t, chat.Settings{}, nil, func(t *testing.T, b *bubble) {
		c := b.connect().hello("")
		b.hub.Leave()
		c.expect(`{"type":"bye","code":"shutdown","message":"…","retry":"…"}`)
		c.closed(1001)
	})
}

// A room is not live while there are pages left, and nothing comes twice where
// it becomes so.
func TestV1_HistoryPages(t *testing.T) {
	inBubble(t, chat.Settings{MaxPage: 2}, testAuth{}, func(t *testing.T, b *bubble) {
		a := b.connect().hello(`,"rooms":[{"room":"r"}]`)
		for i := range 5 {
			a.send(fmt.Sprintf(`{"type":"send","room":"r","body":%d}`, i+1))
			a.expect(fmt.Sprintf(`{"type":"message","seq":%d,"…":"…"}`, i+1))
		}
		time.Sleep(2 * time.Second) // until the mark has moved to what was sent
		c := b.connect()
		c.send(`{"type":"hello","rooms":[{"room":"r"}]}`)
		c.expect(`{"type":"welcome","rooms":[{"epoch":"$epoch","last":5,"entries":[{"seq":4,"…":"…"},{"seq":5,"…":"…"}],"more":false,"…":"…"}],"…":"…"}`)
		epoch := c.vars["epoch"].(string)
		c.send(`{"type":"join","room":"r","epoch":"` + epoch + `","after":1}`)
		c.expect(`{"type":"joined","entries":[{"seq":2,"…":"…"},{"seq":3,"…":"…"}],"more":true,"gap":false,"…":"…"}`)
		a.send(`{"type":"send","room":"r","body":6}`)
		c.drain(time.Second) // presence
		c.send(`{"type":"join","room":"r","epoch":"` + epoch + `","after":3}`)
		c.expect(`{"type":"joined","entries":[{"seq":4,"…":"…"},{"seq":5,"…":"…"}],"more":true,"…":"…"}`)
		c.send(`{"type":"send","id":"1","room":"r","body":7}`) // it is in the room all the same
		c.expect(`{"type":"ok","id":"1","seq":7,"…":"…"}`)
		c.send(`{"type":"join","room":"r","epoch":"` + epoch + `","after":5}`)
		c.expect(`{"type":"joined","entries":[{"seq":6,"…":"…"},{"seq":7,"…":"…"}],"more":false,"…":"…"}`)
		a.send(`{"type":"send","room":"r","body":8}`)
		c.expect(`{"type":"message","seq":8,"…":"…"}`)
	})
}

// The rooms of a hello share the bytes of one answer. Where they are used up, a room has
// no entries, and the client asks for them as PROTOCOL.md says.
func TestV1_Welcome_BytesUsedUp(t *testing.T) {
	inBubble(t, chat.Settings{}, nil, func(t *testing.T, b *bubble) {
		c, asked, want := b.connect(), "", ""
		other := b.connect().hello("")
		for i := range 22 {
			name := fmt.Sprintf("room-%02d", i)
			_, err := b.hub.Announce(t.Context(), name, []byte(`"`+strings.Repeat("x", 8<<10)+`"`))
			b.must(err)
			other.send(`{"type":"history","id":"1","room":"` + name + `"}`)
			other.expect(`{"type":"history","epoch":"$epoch","…":"…"}`)
			has := fmt.Sprintf(`"epoch":"%s","after":0`, other.vars["epoch"])
			entries, more, gap := `{"seq":1,"…":"…"}`, false, false
			switch {
			case i >= 20:
				has, gap = `"epoch":"another","after":0`, true
				if i == 21 {
					entries = "" // the room before it took what was left
				}
			case i >= 16: // sixteen entries have 128 KiB
				entries, more = "", true
			}
			asked += fmt.Sprintf(`,{"room":"%s",%s}`, name, has)
			want += fmt.Sprintf(`,{"room":"%s","last":1,"entries":[%s],"more":%v,"gap":%v,"…":"…"}`, name, entries, more, gap)
		}
		c.send(`{"type":"hello","rooms":[` + asked[1:] + `]}`)
		c.expect(`{"type":"welcome","rooms":[` + want[1:] + `],"…":"…"}`)
		c.send(`{"type":"history","id":"1","room":"room-21"}`)
		c.expect(`{"type":"history","entries":[{"seq":1,"…":"…"}],"more":false,"…":"…"}`)
	})
}

// A panic in a room ends its members' sessions, and nothing else.
func TestRoom_Panic_IsContained(t *testing.T) {
	inBubble(t, chat.Settings{}, nil, func(t *testing.T, b *bubble) {
		a := b.connect().hello(`,"rooms":[{"room":"r"}]`)
		other := b.connect().hello(`,"rooms":[{"room":"other"}]`)
		b.hub.PanicIn("r")
		a.expect(`{"type":"bye","code":"internal","message":"…","retry":5000}`)
		a.closed(4006)
		other.send(`{"type":"send","room":"other","body":1}`)
		other.expect(`{"type":"message","…":"…"}`)
		b.connect().hello(`,"rooms":[{"room":"r"}]`)
	})
}

// A client that asks for more than it reads waits for itself, and is not cut
// off.
func TestV1_AsksMoreThanItReads(t *testing.T) {
	url, _ := serve(t, chat.Config{Journal: memjournal.New(memjournal.Options{})}, &chat.Handler{})
	a := dialV1(t, url).hello(`,"rooms":[{"room":"r"}]`)
	body := strings.Repeat("x", 50<<10)
	for range 3 {
		a.send(`{"type":"send","id":"s","room":"r","body":{"blob":"` + body + `"}}`)
	}
	for range 6 {
		a.next()
	}
	const asked = 300 // 100 KiB each
	for i := range asked {
		a.send(fmt.Sprintf(`{"type":"history","id":"%d","room":"r"}`, i))
	}
	for i := range asked {
		a.expect(fmt.Sprintf(`{"type":"history","id":"%d","more":true,"…":"…"}`, i))
	}
}

// broken is a journal that can be told not to record.
type broken struct {
	journal.Journal
	full atomic.Bool
}

func (j *broken) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if j.full.Load() {
		done(journal.Receipt{}, fmt.Errorf("disk is full: %w", journal.ErrUnavailable))
		return
	}
	j.Journal.Append(ctx, e, done)
}

func TestV1_JournalFails_IsSaidAndReadsGoOn(t *testing.T) {
	j := &broken{Journal: memjournal.New(memjournal.Options{})}
	url, _ := serve(t, chat.Config{Journal: j}, &chat.Handler{})
	a := dialV1(t, url).hello(`,"rooms":[{"room":"lobby"}]`)
	r := dial(t, url)
	command := `{"type":"send","id":"1","room":"lobby","key":"k","body":"hi"}`
	j.full.Store(true)
	a.send(command)
	a.expect(`{"type":"error","id":"1","code":"unavailable","message":"…","retry":2000}`)
	a.send(`{"type":"history","room":"lobby"}`)
	a.expect(`{"type":"history","entries":[],"…":"…"}`)
	send(t, r, "lost")
	if _, _, err := r.Read(t.Context()); !strings.Contains(fmt.Sprint(err), "4002") {
		t.Errorf("a raw client whose message is lost ended with %v, want 4002", err)
	}
	j.full.Store(false)
	a.send(command)
	received := map[string]bool{typeOf(a.next()): true, typeOf(a.next()): true}
	if !received["ok"] || !received["message"] {
		t.Errorf("received %v, want ok and message", received)
	}
}
