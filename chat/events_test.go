package chat_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/webhook"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// eventsOf returns the events of the hub's rooms in a journal, in their order.
func eventsOf(t *testing.T, j journal.Journal) (list []string) {
	t.Helper()
	page, err := j.Feed(context.Background(), journal.FeedQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range page.Entries {
		if e := &page.Entries[i]; journal.IsEventRoom(e.Room) {
			list = append(list, string(e.Body))
		}
	}
	return list
}

func wantEvents(t *testing.T, j journal.Journal, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := eventsOf(t, j); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// asking are settings with a key that may ask for any event.
func asking(t *testing.T, set chat.Settings) chat.Settings {
	set.Keys = access.Keys{newKey(t, "ops", func(k *access.Key) {
		k.Feed, k.Read, k.Write, k.Moderate, k.As = true, []string{"*"}, []string{"*"}, []string{"*"}, []string{"*"}
	})}
	return set
}

// Who comes and goes, and who misses a message, is told; guests are nobody.
func TestEvents_OnlineOfflineMissed(t *testing.T) {
	inBubble(t, asking(t, chat.Settings{Policies: chatApp(t)}), tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		wantEvents(t, b.journal, `{"type":"online","user":"ann"}`)
		second := b.connect().hello(`,"token":"ann"`)
		guest := b.connect().hello(``)
		g := ann.create(`"key":"k","users":["ben","cy"]`)
		ann.send(fmt.Sprintf(`{"type":"send","id":"1","room":%q,"body":"secret"}`, g))
		ann.expect(`{"type":"error","code":"not_joined","…":"…"}`)
		ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
		ann.expect(`{"type":"joined","…":"…"}`)
		ann.send(fmt.Sprintf(`{"type":"send","id":"2","room":%q,"body":"secret"}`, g))
		ann.expectAround(`{"type":"ok","id":"2","…":"…"}`, `{"type":"message","…":"…"}`)
		time.Sleep(time.Second)
		missed := fmt.Sprintf(`{"type":"missed","room":%q,"seq":2,"users":["ben","cy"]}`, g)
		wantEvents(t, b.journal, `{"type":"online","user":"ann"}`, missed)
		guest.closeNow()
		ann.closeNow()
		time.Sleep(time.Hour)
		wantEvents(t, b.journal, `{"type":"online","user":"ann"}`, missed)
		second.closeNow()
		time.Sleep(time.Minute)
		wantEvents(t, b.journal, `{"type":"online","user":"ann"}`, missed, `{"type":"offline","user":"ann"}`)
	})
}

// A key gets the events that it names, of rooms that it may read; those about users are about
// the rooms @ and their ids.
func TestEvents_Feed_OnlyWhatIsNamed(t *testing.T) {
	j := journals["memory"](t)
	base := apiURL(t, j, newKey(t, "all", func(k *access.Key) {
		k.Feed, k.Users, k.Read, k.Moderate = true, true, []string{"*", "@*"}, []string{"*"}
	}),
		newKey(t, "some", func(k *access.Key) { k.Feed, k.Read = true, []string{"*"} }))
	for _, path := range []string{"/rooms/tea/mute", "/mute"} {
		if status, answer, _ := call(t, "POST", base+path, keyOf("all"), `{"user":"ann"}`); status > 204 {
			t.Fatalf("%s: %d %v", path, status, answer)
		}
	}
	eventually(t, "two events", func() bool { return len(eventsOf(t, j)) >= 2 })
	for _, c := range []struct {
		key, query string
		want       string
	}{
		{"all", "", ""}, {"all", "events=message,info", ""}, {"all", "events=message,audit", "tea ann, <nil> ann"}, {"some", "events=audit", "tea ann"},
	} {
		status, answer, _ := call(t, "GET", base+"/feed?"+c.query, keyOf(c.key), "")
		events, _ := answer["events"].([]any)
		var got []string
		for _, e := range events {
			e, _ := e.(map[string]any)["event"].(map[string]any)
			got = append(got, fmt.Sprint(e["room"], " ", e["user"]))
		}
		if status != 200 || strings.Join(got, ", ") != c.want {
			t.Errorf("%s %s: %d %q, want %q", c.key, c.query, status, got, c.want)
		}
	}
	if status, answer, _ := call(t, "GET", base+"/feed?events=mess", keyOf("all"), ""); status != 400 || answer["field"] != "events" {
		t.Errorf("%d %v", status, answer)
	}
}

// Nobody asks, so nothing is recorded.
func TestEvents_NobodyAsks_NoneAreRecorded(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t), Webhooks: []webhook.Hook{{
		Name: "orders", URL: "https://192.0.2.1/", Secrets: []webhook.Secret{hookSecret(t)}, Events: []string{"message"},
	}}}, tokens{}, func(t *testing.T, b *bubble) {
		b.connect().hello(`,"token":"ann"`)
		if err := b.hub.Ban("lobby", "ben", time.Hour); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		wantEvents(t, b.journal)
	})
}

func hookSecret(t *testing.T) webhook.Secret {
	t.Helper()
	s, err := webhook.ParseSecret("whsec_" + strings.Repeat("AAAA", 8))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each act that is audited, at each door, and who did it. What does nothing is not told.
func TestEvents_Audit(t *testing.T) {
	j := journals["pebble"](t)
	base, ws, hub := messagesOf(t, chat.Config{Journal: j, Settings: asking(t, chat.Settings{Policies: access.Policies{
		{Pattern: "g-*", Read: who(t, "members"), Write: who(t, "members"), Moderate: who(t, "admins"), Create: who(t, "users")},
		{Pattern: "*", Read: who(t, "anyone"), Write: who(t, "anyone"), Moderate: who(t, "users")},
	}})})
	mod := dialV1(t, ws).hello(`,"token":"moderator","rooms":[{"room":"tea"}]`)
	g := mod.create(`"key":"k","users":["ann","ben"]`)
	key := func(method, path, body string) {
		t.Helper()
		status, answer, _ := call(t, method, base+path, keyOf("ops"), body)
		if status > 201 {
			t.Fatalf("%s %s: %d %v", method, path, status, answer)
		}
	}
	done := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok := func(frame string, around ...string) {
		t.Helper()
		mod.send(frame)
		mod.expectAround(`{"type":"ok","…":"…"}`, around...)
	}
	say := func() (seq int) {
		t.Helper()
		key("POST", "tea/messages?as=ann", `{"body":"secret"}`)
		fmt.Sscanf(mod.any(), `{"type":"message","room":"tea","seq":%d`, &seq)
		return seq
	}
	first, second := say(), say()
	rows := []struct {
		act  func()
		want string
	}{
		{func() {
			ok(fmt.Sprintf(`{"type":"recall","id":"1","room":"tea","seq":%d}`, first), `{"type":"recalled","…":"…"}`)
		}, fmt.Sprintf(`{"type":"audit","room":"tea","seq":%d,"user":"ann","act":"recall","by":"moderator"}`, first)},
		{func() {
			_, err := hub.Recall(t.Context(), "tea", journal.Seq(second))
			done(err)
			mod.expect(`{"type":"recalled","…":"…"}`)
		}, fmt.Sprintf(`{"type":"audit","room":"tea","seq":%d,"user":"ann","act":"recall","by":"hub-operator"}`, second)},
		{func() { ok(`{"type":"mute","id":"2","room":"tea","user":"ann","for":60000}`) },
			`{"type":"audit","room":"tea","user":"ann","act":"mute","by":"moderator","for":60000}`},
		{func() { ok(`{"type":"mute","id":"2","room":"tea","user":"ann","for":0}`) },
			`{"type":"audit","room":"tea","user":"ann","act":"unmute","by":"moderator"}`},
		{func() { ok(`{"type":"mute","id":"2","room":"tea","user":"ann","for":0}`) }, ""},
		{func() { done(hub.Ban("", "eve", wire.Forever)) },
			`{"type":"audit","user":"eve","act":"ban","by":"hub-operator","for":-1}`},
		{func() { ok(fmt.Sprintf(`{"type":"member","id":"3","room":%q,"users":["ann"],"role":"none"}`, g)) },
			fmt.Sprintf(`{"type":"audit","room":%q,"users":["ann"],"act":"remove","by":"moderator"}`, g)},
		{func() { ok(fmt.Sprintf(`{"type":"kick","id":"4","room":%q,"user":"ben"}`, g)) },
			fmt.Sprintf(`{"type":"audit","room":%q,"user":"ben","act":"kick","by":"moderator"}`, g)},
		{func() { _, err := hub.EraseRoom(t.Context(), g); done(err) },
			fmt.Sprintf(`{"type":"audit","room":%q,"act":"erase","by":"hub-operator"}`, g)},
		{func() {
			if _, err := hub.EraseRoom(t.Context(), g); !isNotFound(err) {
				t.Error(err)
			}
		}, ""},
		{func() {
			dialV1(t, ws).hello(`,"token":"cy"`)
			list, _ := hub.Sessions(chat.SessionFilter{User: "cy"}, "", 1)
			done(hub.EndSession(list[0].ID))
		}, `{"type":"audit","user":"cy","act":"kick","by":"hub-operator"}`},
		{func() {
			if err := hub.EndSession("none"); !errors.Is(err, chat.ErrNoSession) {
				t.Error(err)
			}
		}, ""},
		{func() {
			key("POST", "tea/messages?as=ann", `{"body":"secret"}`)
			_, err := hub.EraseUser(t.Context(), "ann")
			done(err)
		}, // what she said is recalled, as a part of it
			`{"type":"audit","user":"ann","act":"erase","by":"hub-operator"}`},
		{func() { _, err := hub.EraseUser(t.Context(), "ann"); done(err) }, ""},
		{func() { _, err := hub.EraseUser(t.Context(), "eve"); done(err) }, ""},
		{func() { done(hub.Ban("", "eve", 0)) },
			`{"type":"audit","user":"eve","act":"unban","by":"hub-operator"}`},
		{func() { done(hub.Ban("", "eve", 0)) }, ""},
		{func() { done(hub.Mute("tea", "cy", time.Minute)) },
			`{"type":"audit","room":"tea","user":"cy","act":"mute","by":"hub-operator","for":60000}`},
	}
	told := 0
	for _, c := range rows {
		before := auditsOf(t, j)
		c.act()
		if c.want == "" { // what the next one tells comes behind it
			continue
		}
		told++
		var got []string
		eventually(t, c.want, func() bool { got = auditsOf(t, j); return len(got) > len(before) })
		if len(got) != len(before)+1 || got[len(got)-1] != c.want {
			t.Errorf("got  %q\nwant %s", got[min(len(before), len(got)):], c.want)
		}
	}
	if n := len(auditsOf(t, j)); n != told {
		t.Errorf("%d events of %d acts", n, told)
	}
}

// A token that is given to a key, and a webhook that is moved back, are audited. What is
// refused is not.
func TestEvents_Audit_TokensAndReplays(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()
	j := journals["memory"](t)
	issuer := identity.NewIssuer(new(identity.MemorySecrets), "default")
	h := &chat.Handler{Auth: issuer, Tokens: issuer}
	_, hub := serve(t, chat.Config{Journal: j, Settings: chat.Settings{
		Keys: access.Keys{
			newKey(t, "ops", func(k *access.Key) { k.Users, k.Feed, k.Read = true, true, []string{"*"} }),
			newKey(t, "poor", func(k *access.Key) { k.Read = []string{"*"} }),
		},
		Webhooks: []webhook.Hook{{Name: "orders", URL: receiver.URL, Private: true, Secrets: []webhook.Secret{hookSecret(t)}}},
	}}, h)
	base := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeRequest(w, r, r.URL.EscapedPath()) }))
	defer base.Close()
	token := func(key, body string, want int) {
		t.Helper()
		if status, answer, _ := call(t, "POST", base.URL+"/users/u7/token", keyOf(key), body); status != want {
			t.Fatalf("%s: %d %v", key, status, answer)
		}
	}
	token("poor", `{}`, 403)
	token("ops", `{"for":1}`, 400)
	token("ops", `{}`, 200)
	if _, err := hub.ReplayWebhook(t.Context(), "other", time.Now()); !errors.Is(err, webhook.ErrUnknown) {
		t.Error(err)
	}
	if _, err := hub.ReplayWebhookFrom(t.Context(), "orders", "nonsense"); !errors.Is(err, webhook.ErrPosition) {
		t.Error(err)
	}
	moved, err := hub.ReplayWebhook(t.Context(), "orders", time.Now().Add(-time.Hour))
	if err != nil || len(moved) == 0 {
		t.Fatal(moved, err)
	}
	if _, err := hub.ReplayWebhookFrom(t.Context(), "orders", moved[0].To); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"poor", "ops"} {
		call(t, "DELETE", base.URL+"/users/u7/sessions", keyOf(key), "")
	}
	replay := `{"type":"audit","act":"replay","by":"hub-operator","webhook":"orders"}`
	want := []string{`{"type":"audit","user":"u7","act":"token","by":"bot-ops"}`, replay, replay, `{"type":"audit","user":"u7","act":"signout","by":"bot-ops"}`}
	eventually(t, "four events", func() bool { return len(auditsOf(t, j)) >= len(want) })
	got := auditsOf(t, j)
	slices.Sort(got) // they are about a user and about nobody: so in two rooms
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func auditsOf(t *testing.T, j journal.Journal) (list []string) {
	for _, e := range eventsOf(t, j) {
		if strings.HasPrefix(e, `{"type":"audit"`) {
			list = append(list, e)
		}
	}
	return list
}
