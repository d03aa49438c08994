package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// nodeOf is one node of several that share a store.
type nodeOf struct {
	url string
	hub *chat.Hub
	id  string
}

// serveNodes serves hubs that are the nodes of one chat.
func serveNodes(t *testing.T, n int, set chat.Settings) (nodes []nodeOf) {
	t.Helper()
	store := memjournal.NewStore(memjournal.Options{})
	for range n {
		j := store.Open()
		url, hub := serve(t, chat.Config{Settings: set, Journal: j}, &chat.Handler{Auth: tokens{}})
		nodes = append(nodes, nodeOf{url, hub, j.Nodes().Self().ID})
	}
	return nodes
}

// What one node does to a user or a session is done on another, and found there.
func TestNodes_KickAndEnd_ReachOthers(t *testing.T) {
	nodes := serveNodes(t, 2, chat.Settings{})
	there, here := nodes[0].url, nodes[1].hub
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	ann := dialV1(t, there).hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
	must(here.Kick("tea", "ann"))
	ann.expect(`{"type":"removed","room":"tea","code":"kicked","…":"…"}`)
	for _, err := range []error{here.Kick("tea", "ann"), here.Kick("", "ben"), here.EndSession("none"), here.EndSession("none.none")} {
		if err == nil {
			t.Error("somebody was found who is nowhere")
		}
	}
	must(here.Kick("", "ann"))
	ann.expect(`{"type":"bye","code":"kicked","…":"…"}`)
	for _, id := range []string{nodes[0].id + ".", ""} {
		ann = dialV1(t, there)
		ann.send(`{"type":"hello","token":"ann"}`)
		var welcome struct{ Session string }
		must(json.Unmarshal([]byte(ann.next()), &welcome))
		must(here.EndSession(id + welcome.Session))
		ann.expect(`{"type":"bye","code":"kicked","…":"…"}`)
	}
}

// Each node shows the rooms, the sessions and the users of all.
func TestNodes_Lists_ShowAll(t *testing.T) {
	nodes := serveNodes(t, 3, chat.Settings{})
	for i, n := range nodes {
		for j := range 3 {
			dialV1(t, n.url).hello(fmt.Sprintf(`,"token":"u%d","rooms":[{"room":"all"},{"room":"only%d-%d"}]`, j, i, j))
		}
	}
	for _, n := range nodes {
		for limit := 1; limit < 12; limit++ {
			var rooms []string
			for after := ""; ; {
				list, missing := n.hub.Rooms(after, limit)
				if len(missing) > 0 || len(list) > limit {
					t.Fatalf("%d rooms, at most %d were asked for; missing: %v", len(list), limit, missing)
				}
				if len(list) == 0 {
					break
				}
				for _, r := range list {
					rooms = append(rooms, fmt.Sprint(r.Name, ":", r.Sessions))
					after = r.Name
				}
			}
			if want := "all:9 only0-0:1 only0-1:1 only0-2:1 only1-0:1 only1-1:1 only1-2:1 only2-0:1 only2-1:1 only2-2:1"; strings.Join(rooms, " ") != want {
				t.Fatalf("%d at a time: %s", limit, rooms)
			}
			var sessions []string
			for after := ""; ; {
				list, missing := n.hub.Sessions(chat.SessionFilter{User: "u1"}, after, limit)
				if len(missing) > 0 || len(list) > limit {
					t.Fatalf("%d sessions, at most %d were asked for; missing: %v", len(list), limit, missing)
				}
				if len(list) == 0 {
					break
				}
				for _, s := range list {
					after = s.ID
					node, _, _ := strings.Cut(s.ID, ".")
					sessions = append(sessions, node)
					if one, err := n.hub.Session(s.ID); err != nil || one != s {
						t.Fatalf("session %v: %v, %v", s, one, err)
					}
				}
			}
			want := []string{nodes[0].id, nodes[1].id, nodes[2].id}
			if slices.Sort(want); !slices.Equal(sessions, want) {
				t.Fatalf("%d at a time: sessions on %v, want %v", limit, sessions, want)
			}
		}
		if a, b, c := n.hub.CountSessions("", "u0"), n.hub.CountSessions("only2-0", "u0"), n.hub.CountSessions("only2-0", "u1"); a != 3 || b != 1 || c != 0 {
			t.Errorf("counted %d, %d and %d sessions", a, b, c)
		}
		if r, ok, err := n.hub.Room(context.Background(), "only1-1"); !ok || err != nil || r.Sessions != 1 {
			t.Errorf("a room of a node: %v, %v, %v", r, ok, err)
		}
	}
}

// What a node announces to all rooms is said once in each room of every node.
func TestNodes_AnnounceToAll_ReachesEachRoomOnce(t *testing.T) {
	nodes := serveNodes(t, 2, chat.Settings{})
	var clients []*client
	for i, n := range nodes {
		for _, room := range []string{"all", fmt.Sprint("only", i)} {
			clients = append(clients, dialV1(t, n.url).hello(`,"rooms":[{"room":"`+room+`"}]`))
		}
	}
	n, err := nodes[0].hub.AnnounceToAll(context.Background(), []byte(`{"text":"hear"}`))
	if n != 3 || err != nil {
		t.Fatalf("announced in %d rooms: %v", n, err)
	}
	_, err = nodes[1].hub.Announce(context.Background(), "all", []byte(`{"text":"next"}`))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range clients {
		c.expect(`{"type":"notice","body":{"text":"hear"},"…":"…"}`)
		if i%2 == 0 {
			c.expect(`{"type":"notice","body":{"text":"next"},"…":"…"}`)
		}
	}
}

// A node that does not answer is named, and an error says so where it matters.
func TestNodes_OneDoesNotAnswer_IsNamed(t *testing.T) {
	store := memjournal.NewStore(memjournal.Options{})
	silent := store.Open() // alive, and no hub answers for it
	defer silent.Close()
	url, hub := serve(t, chat.Config{Journal: store.Open()}, &chat.Handler{Auth: tokens{}})
	dialV1(t, url).hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
	id := silent.Nodes().Self().ID
	names := func(list []string) bool { return len(list) == 1 && strings.Contains(list[0], id) }
	unavailable := func(what string, err error) {
		if !errors.Is(err, journal.ErrUnavailable) || !strings.Contains(err.Error(), id) {
			t.Errorf("%s: %v", what, err)
		}
	}
	var asking sync.WaitGroup // each takes two seconds
	asking.Go(func() {
		if list, missing := hub.Rooms("", 10); len(list) != 1 || !names(missing) {
			t.Errorf("rooms %v, missing %v", list, missing)
		}
	})
	asking.Go(func() {
		if list, missing := hub.Sessions(chat.SessionFilter{}, "", 10); len(list) != 1 || !names(missing) {
			t.Errorf("sessions %v, missing %v", list, missing)
		}
	})
	asking.Go(func() { unavailable("end a session", hub.EndSession("none")) })
	asking.Go(func() {
		_, err := hub.Session(id + ".none")
		unavailable("a session", err)
	})
	asking.Go(func() {
		_, err := hub.AnnounceToAll(context.Background(), []byte(`{}`))
		unavailable("announce", err)
	})
	asking.Go(func() {
		var no *wire.Error
		if err := hub.Kick("", "ben"); !errors.As(err, &no) || no.Code != wire.Unavailable {
			t.Errorf("kick: %v", err)
		}
	})
	asking.Wait()
}

// appends is a journal that notes in which rooms it is asked to do something.
type appends struct {
	journal.Journal
	mu    sync.Mutex
	rooms []string // of the server
}

func (j *appends) note(room string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if journal.IsReserved(room) {
		j.rooms = append(j.rooms, room)
	}
}

func (j *appends) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	j.note(e.Room)
	j.Journal.Append(ctx, e, done)
}

func (j *appends) Follow(room string, after journal.Seq, f journal.Follower) (journal.Start, error) {
	j.note(room)
	return j.Journal.Follow(room, after, f)
}

// A moderator who is connected to another node is protected there, too.
func TestNodes_ModeratorElsewhere_IsProtected(t *testing.T) {
	set := chat.Settings{Policies: access.Policies{{Pattern: "*", Read: who(t, "users"), Write: who(t, "users"), Moderate: who(t, "users")}}}
	nodes := serveNodes(t, 2, set)
	dialV1(t, nodes[0].url).hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
	ben := dialV1(t, nodes[1].url).hello(`,"token":"ben","rooms":[{"room":"tea"}]`)
	for id, act := range map[string]string{"1": "kick", "2": "ban", "3": "mute"} {
		ben.send(`{"type":"` + act + `","id":"` + id + `","room":"tea","user":"ann"` + map[string]string{"2": `,"for":60`, "3": `,"for":60`}[id] + `}`)
		ben.expect(`{"type":"error","id":"` + id + `","code":"forbidden","…":"…"}`)
	}
}

// A node that is alone sends and follows nothing to tell others what it does.
func TestNodes_Alone_SendsNothing(t *testing.T) {
	j := &appends{Journal: memjournal.New(memjournal.Options{})}
	url, hub := serve(t, chat.Config{Journal: j}, &chat.Handler{Auth: tokens{}})
	ann := dialV1(t, url).hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
	if err := hub.Kick("tea", "ann"); err != nil {
		t.Error(err)
	}
	ann.expect(`{"type":"removed","room":"tea","code":"kicked","…":"…"}`)
	if list, missing := hub.Sessions(chat.SessionFilter{}, "", 10); len(list) != 1 || strings.Contains(list[0].ID, ".") || len(missing) > 0 {
		t.Errorf("sessions %v, missing %v", list, missing)
	}
	if n, err := hub.AnnounceToAll(context.Background(), []byte(`{}`)); n > 0 || err != nil {
		t.Errorf("announced in %d rooms: %v", n, err)
	}
	if err := hub.EndSession("none"); !errors.Is(err, chat.ErrNoSession) {
		t.Error(err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.rooms) > 0 {
		t.Errorf("appended in or followed: %v", j.rooms)
	}
}
