package chat_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// While a node does not answer that may have a user, a backend is told so: the user is not said to
// be away, and not said to be signed out. What is known is answered.
func TestNodes_OneDoesNotAnswer_KeysAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memjournal.NewStore(memjournal.Options{})
		silent := store.Open() // alive, and no hub answers for it
		set := chat.Settings{Keys: access.Keys{newKey(t, "k", func(k *access.Key) { k.Users, k.Moderate = true, []string{"*"} })}}
		b, stop := begin(t, chat.Config{Settings: set, Journal: store.Open()}, tokens{}, alone)
		defer stop()
		synctest.Wait()
		b.connect().hello(`,"token":"ann"`)
		ask := func(method, path, body string, want int, has string) {
			t.Helper()
			w := httptest.NewRecorder()
			b.handler.ServeRequest(w, newRequest(method, keyOf("k"), body), path)
			if got := w.Body.String(); w.Code != want || !strings.Contains(got, has) {
				t.Errorf("%s %s %s: %d %s, want %d with %s", method, path, body, w.Code, got, want, has)
			}
		}
		ask("POST", "/presence", `{"users":["ann"]}`, 200, `"online":true`)
		ask("GET", "/users/ann", ``, 200, `"online":true`)
		ask("POST", "/presence", `{"users":["ann","eve"]}`, 503, `"unavailable"`)
		ask("GET", "/users/eve", ``, 503, `"unavailable"`)
		ask("POST", "/kick", `{"user":"eve"}`, 503, `"unavailable"`)
		ask("DELETE", "/users/eve/sessions", ``, 503, `"unavailable"`)
		ask("DELETE", "/users/ann/sessions", ``, 503, `"unavailable"`)
		if err := silent.Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ask("POST", "/presence", `{"users":["ann","eve"]}`, 200, `"online":false`)
		ask("GET", "/users/eve", ``, 404, ``)
		ask("DELETE", "/users/eve/sessions", ``, 200, `"sessions":0`)
		b.close()
	})
}

// mutes is a node whose hub stops answering.
type mutes struct {
	journal.Journal
	silent *atomic.Bool
}

func (j mutes) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if e.Kind != journal.Aside || !j.silent.Load() {
		j.Journal.Append(ctx, e, done)
	}
}

// While it is not known whether a user moderates a room, because a node does not answer, no moderator may
// act against that user: neither against one who does nor against one who does not. A node that never
// answers is in nobody's way. Nor is a room said not to exist, nor a user.
func TestNodes_OneDoesNotAnswer_NobodyIsTakenForNothing(t *testing.T) {
	for name, c := range map[string]struct{ before, during string }{
		"a node that has answered": {"ok", "unavailable"},
		"a node that never did":    {"", "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			var silent atomic.Bool
			silent.Store(c.before == "")
			n := 0
			around := func(j journal.Journal) journal.Journal {
				if n++; n == 2 {
					return mutes{j, &silent}
				}
				return j
			}
			set := chat.Settings{Policies: access.Policies{{Pattern: "*", Read: who(t, "anyone"), Write: who(t, "anyone"), Moderate: who(t, "users")}}}
			inNodesOn(t, 2, set, around, func(t *testing.T, nodes []*bubble) {
				ann := nodes[0].connect().hello(`,"token":"ann","rooms":[{"room":"r"}]`)
				guest := nodes[1].connect().hello(`,"token":"guest-1","rooms":[{"room":"r"}]`)
				defer guest.closeNow()
				mute := func() string {
					synctest.Wait()
					drain(ann)
					got := ann.ask(`{"type":"mute","id":"?","room":"r","user":"guest-1","for":1000}`)
					if got == "" {
						got = "ok"
					}
					return got
				}
				if got := mute(); c.before != "" && got != c.before {
					t.Errorf("before: %s", got)
				}
				silent.Store(true)
				if got := mute(); !strings.Contains(got, c.during) {
					t.Errorf("during: %s, want %s", got, c.during)
				}
				if _, _, err := nodes[0].hub.Room(t.Context(), "nowhere"); !errors.Is(err, journal.ErrUnavailable) {
					t.Errorf("a room: %v", err)
				}
				if _, err := nodes[0].hub.User(t.Context(), "nobody"); !errors.Is(err, journal.ErrUnavailable) {
					t.Errorf("a user: %v", err)
				}
				silent.Store(false)
				if _, found, err := nodes[0].hub.Room(t.Context(), "nowhere"); found || err != nil {
					t.Errorf("a room, afterwards: %v %v", found, err)
				}
				if got := mute(); got != "ok" {
					t.Errorf("afterwards: %s", got)
				}
			})
		})
	}
}

// max_members counts the users of a room at all nodes, and raw sessions each at its own node.
func TestNodes_MaxMembers_RawSessionsCountAtTheirNode(t *testing.T) {
	policies := access.Policies{{Pattern: "*", Read: who(t, "anyone"), Write: who(t, "anyone"), MaxMembers: 2}}
	inNodes(t, 2, chat.Settings{Policies: policies}, func(t *testing.T, nodes []*bubble) {
		nodes[0].connect().hello(`,"token":"ann","rooms":[{"room":"lobby"}]`)
		synctest.Wait()
		for _, b := range nodes { // ann counts at both
			b.connectRaw()
			synctest.Wait()
			if _, res, err := b.tryDial(); err == nil || res == nil || res.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("the second raw session at a node: %v", err)
			}
		}
	})
}
