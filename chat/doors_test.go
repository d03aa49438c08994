package chat_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// One rule at every door.

// answerTo returns the status that answers a handshake.
func answerTo(t *testing.T, url string, protocols ...string) int {
	t.Helper()
	c, res, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{Subprotocols: protocols})
	if err == nil {
		c.CloseNow()
	}
	if res == nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

// A query that cannot be decoded is refused. It never counts as absent, which
// would put a text into the lobby and make a guest of a user.
func TestDoors_InvalidQuery_IsRefused(t *testing.T) {
	url, ws, _ := messagesURL(t, chat.Settings{})
	for _, query := range []string{"room=save%20100%", "room=team;b", "room=%zz", "token=abc;def", "token=abc%", "history=5%", "room=a&x=1;2",
		"room=a&room=b", "token=a&token=ann", "history=1&history=2", "limit=1&limit=2"} {
		if got := answerTo(t, ws+"?"+query); got != 400 {
			t.Errorf("raw, %s: %d", query, got)
		}
		if got := answerTo(t, ws+"?"+query, chat.Subprotocol); got != 400 {
			t.Errorf("chat.v1, %s: %d", query, got)
		}
		if got, _, _ := call(t, "GET", url+"tea/messages?"+query, "ann", ""); got != 400 {
			t.Errorf("GET, %s: %d", query, got)
		}
		if got, _, _ := call(t, "POST", url+"tea/messages?"+query, "ann", `{"body":"hi"}`); got != 400 {
			t.Errorf("POST, %s: %d", query, got)
		}
	}
}

// brokenAuth panics for the token "panic".
type brokenAuth struct{}

func (brokenAuth) Authenticate(_ context.Context, c access.Credential) (*access.Identity, error) {
	if c.Token == "panic" {
		panic("a test wants it")
	}
	return &access.Identity{User: journal.User{ID: "ann"}, Settled: true}, nil
}

// A panic in an Authenticator refuses its client and leaks nothing: serve checks
// that the hub is empty in the end, and that it closes at all.
func TestDoors_AuthenticatorThatPanics_LeaksNothing(t *testing.T) {
	h := &chat.Handler{Auth: brokenAuth{}}
	ws, _ := serve(t, chat.Config{Journal: memjournal.New(memjournal.Options{})}, h)
	if got := answerTo(t, ws+"?token=panic"); got != 500 {
		t.Errorf("raw: %d", got)
	}
	for _, first := range []string{"?token=panic", ""} {
		c := dialV1(t, ws+first)
		c.send(`{"type":"hello"` + map[bool]string{true: `}`, false: `,"token":"panic"}`}[first != ""])
		c.expect(`{"type":"error","code":"internal","…":"…"}`, `{"type":"bye","code":"internal","…":"…"}`)
	}
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer panic")
	h.ServeMessages(rec, r, "tea")
	if rec.Code != http.StatusInternalServerError {
		t.Errorf("GET: %d", rec.Code)
	}
}

// shortLived gives everybody a credential that ends soon.
type shortLived struct{ life time.Duration }

func (a shortLived) Authenticate(context.Context, access.Credential) (*access.Identity, error) {
	return &access.Identity{User: journal.User{ID: "ann"}, Settled: true, Expires: time.Now().Add(a.life)}, nil
}

func TestDoors_Session_EndsWithItsToken(t *testing.T) {
	inBubble(t, chat.Settings{}, shortLived{time.Hour}, func(t *testing.T, b *bubble) {
		raw, v1 := b.connectRaw(), b.connect()
		v1.hello("")
		began := time.Now()
		raw.closed(4502)
		if lived := time.Since(began).Round(time.Second); lived != time.Hour {
			t.Errorf("the raw session lived for %v", lived)
		}
		v1.expect(`{"type":"expiring","…":"…"}`, `{"type":"bye","code":"expired","…":"…"}`)
		v1.closed(4502)
	})
}

// A client whose proxy dropped Sec-WebSocket-Protocol believes that it speaks
// chat.v1. Its hello, token included, reaches nobody and is not recorded.
func TestDoors_TokenOnARawConnection_IsNotRelayed(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	ws, _ := serve(t, chat.Config{Journal: j}, &chat.Handler{})
	other := dial(t, ws+"?room=tea")
	for _, hello := range []string{
		`{"type":"hello","token":"secret","rooms":[]}`,
		` {"type":"hello","token":"secret"}`,
		`{"token":"secret","type":"hello","rooms":"not a list"}`,
		"\ufeff" + `{"type":"hello","token":"secret"}`,
		`{"type":"hell\u006f","token":"secret"}`,
		`{"type":"hello","token":"secret",}`,
		`{"token":"secret",,"type" : "hello"}`,
		`{"token":"secret" "type":"hello"}`,
		`{type:'hello',token:'secret'}`,
		`{"type":"hello","token":"secret"`,
		`{"type":"hello","type":"x","token":"secret"}`,
		`{"type":"hello","token":"secret"}` + "\n" + `{"type":"ping"}`,
		`{"type":"ping"}` + "\n" + `{"type":"hello","token":"secret"}`,
		`{"type":"renew","token":"secret"}`,
		`{"id":7,"token":"secret","type":"ren\u0065w"}`,
		`{"type":"renew","token":"secret",}`,
		`[{"type":"hello","token":"secret"}]`,
		` [1,{"type":"ping"},{"token":"secret","type":"renew"}]`,
		`[{"type":"hello","token":"secret"},]`,
	} {
		c := dial(t, ws+"?room=tea")
		send(t, c, hello)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != 4500 || !strings.Contains(err.Error(), "Sec-WebSocket-Protocol") {
			t.Errorf("%s: ended with %v", hello, err)
		}
		cancel()
	}
	speaker := dial(t, ws+"?room=tea")
	texts := []string{
		`{"type":"greeting","text":"hello"}`,
		`{"Type":"hello"}`,
		`{"TYPE":"hello","token":"mine"}`,
		`{"type":"Hello"}`,
		`{"type":["hello"]}`,
		`{"message":{"type":"hello"}}`,
		`{"text":"\"type\":\"hello\""}`,
		`{"type":"ping"} {"type":"hello"}`,
		`[{"type":"hello"}]`,
		`[[{"type":"hello","token":"mine"}]]`,
		`[{"type":"renew"},{"type":"x","token":"mine"}]`,
		`{"type":"renew","subscription":7}`,
		`{"type":"x","token":"mine","text":"renew"}`,
		`{"event":"renew",}`,
		`{say "hello"`,
		`the "type":"hello"`,
	}
	for _, text := range texts {
		send(t, speaker, text)
		expect(t, other, text)
	}
	page, err := j.Read(t.Context(), journal.Query{Room: "tea", Limit: 100})
	if err != nil || len(page.Entries) != len(texts) {
		t.Errorf("recorded %d entries, %v", len(page.Entries), err)
	}
}

// A policy's history holds for raw clients, too.
func TestDoors_History_AsThePolicySays(t *testing.T) {
	all := subject(t, "anyone")
	ws, _ := serve(t, chat.Config{Settings: chat.Settings{Policies: access.Policies{
		{Pattern: "none", Read: all, Write: all, History: access.History{Entries: -1}},
		{Pattern: "two", Read: all, Write: all, History: access.History{Entries: 2}},
		{Pattern: "*", Read: all, Write: all},
	}}, Journal: memjournal.New(memjournal.Options{})}, &chat.Handler{})
	for room, want := range map[string][]string{"none": nil, "two": {"4", "5"}, "all": {"1", "2", "3", "4", "5"}} {
		speaker, listener := dial(t, ws+"?room="+room), dial(t, ws+"?room="+room)
		for i := range 5 {
			send(t, speaker, fmt.Sprint(i+1))
		}
		expect(t, listener, "1", "2", "3", "4", "5")
		late := dial(t, ws+"?room="+room+"&history=100")
		send(t, speaker, "live")
		expect(t, late, append(want, "live")...)
	}
}

// Reading forward reaches what is shown, however much before it is hidden.
func TestDoors_HistoryForward_BeginsWithWhatIsShown(t *testing.T) {
	const hour = int64(time.Hour / time.Millisecond)
	now := time.Now().UnixMilli()
	j := memjournal.New(memjournal.Options{})
	for _, room := range []string{"two", "recent"} {
		var entries []journal.Entry
		for i := range 50 {
			at := now - 2*hour
			if i >= 47 {
				at = now
			}
			entries = append(entries, journal.Entry{Room: room, Kind: journal.Message, Seq: journal.Seq(i + 1), At: at, From: journal.User{ID: "ann"}, Body: []byte("1")})
		}
		if _, _, err := j.Restore(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
	}
	all := subject(t, "anyone")
	ws, _ := serve(t, chat.Config{Settings: chat.Settings{Policies: access.Policies{
		{Pattern: "two", Read: all, History: access.History{Entries: 2}},
		{Pattern: "recent", Read: all, History: access.History{Age: time.Hour}},
	}}, Journal: j}, &chat.Handler{})
	c := dialV1(t, ws).hello("")
	for room, first := range map[string]int{"two": 49, "recent": 48} {
		c.send(`{"type":"history","id":"` + room + `","room":"` + room + `","after":0,"limit":2}`)
		c.expect(fmt.Sprintf(`{"type":"history","id":"%s","entries":[{"seq":%d,"…":"…"},{"seq":%d,"…":"…"}],"…":"…"}`, room, first, first+1))
	}
}

// Who may not read a room, or is banned from it, does not moderate it.
func TestDoors_Moderate_OnlyWhereOneMayRead(t *testing.T) {
	staff, users := subject(t, "role=staff"), subject(t, "users")
	j := memjournal.New(memjournal.Options{})
	ws, hub := serve(t, chat.Config{Settings: chat.Settings{Policies: access.Policies{
		{Pattern: "secret", Read: staff, Moderate: users},
		{Pattern: "*", Read: users, Write: users, Moderate: users},
	}}, Journal: j}, &chat.Handler{Auth: tokens{}})
	if err := hub.Ban("tea", "ann", time.Hour); err != nil {
		t.Fatal(err)
	}
	c := dialV1(t, ws).hello(`,"token":"ann"`)
	for _, command := range []string{"mute", "kick", "ban"} {
		for room, code := range map[string]string{"secret": "forbidden", "tea": "banned"} {
			c.send(fmt.Sprintf(`{"type":"%s","id":"1","room":"%s","user":"bo"}`, command, room))
			c.expect(fmt.Sprintf(`{"type":"error","id":"1","code":"%s","…":"…"}`, code))
		}
	}
	if list := hub.Sanctions(); len(list) != 1 {
		t.Errorf("in force: %v", list)
	}
}

// Frames that are refused are charged like all others.
func TestDoors_BinaryFrames_AreCharged(t *testing.T) {
	inBubble(t, chat.Settings{SessionRate: access.Rate{PerSecond: 1, Burst: 3}}, nil, func(t *testing.T, b *bubble) {
		c := b.connect()
		for i := range 3 {
			if err := c.conn.Write(t.Context(), websocket.MessageBinary, []byte{byte(i)}); err != nil {
				t.Fatal(err)
			}
			c.expect(`{"type":"error","code":"bad_frame","…":"…"}`)
		}
		var err error
		for range 200 {
			err = errors.Join(err, c.conn.Write(t.Context(), websocket.MessageBinary, []byte("x")))
		}
		for range 100 {
			c.expect(`{"type":"error","code":"too_fast","…":"…"}`)
		}
		c.expect(`{"type":"bye","code":"too_fast","…":"…"}`)
		c.closed(4003)
	})
}

// oddlyNamed gives everybody a name and a picture that clients must not be sent.
type oddlyNamed struct{}

func (oddlyNamed) Authenticate(context.Context, access.Credential) (*access.Identity, error) {
	return &access.Identity{User: journal.User{ID: "ann", Name: "An\tn\x00e", Avatar: "javascript:alert(1)"}, Settled: true}, nil
}

// What is only shown of a user is cleaned for every Authenticator.
func TestDoors_NameAndPicture_AreCleaned(t *testing.T) {
	ws, _ := serve(t, chat.Config{Journal: memjournal.New(memjournal.Options{})}, &chat.Handler{Auth: oddlyNamed{}})
	c := dialV1(t, ws)
	c.send(`{"type":"hello"}`)
	c.expect(`{"type":"welcome","user":{"id":"ann","name":"An ne"},"…":"…"}`)
}

// A frame that the user's rate refuses does not count against the session's.
func TestDoors_UserRate_RefusalCostsTheSessionNothing(t *testing.T) {
	set := chat.Settings{SessionRate: access.Rate{PerSecond: 0.001, Burst: 4}, UserRate: access.Rate{PerSecond: 1, Burst: 1}}
	inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
		c := b.connect().hello(`,"token":"ann"`) // one of the session's four; the user is not known yet
		ok := 0
		for range 10 {
			c.send(`{"type":"ping"}`)
			if typeOf(c.next()) == "pong" {
				ok++
			}
			c.send(`{"type":"ping"}`) // the user's rate refuses it
			c.expect(`{"type":"error","code":"too_fast","…":"…"}`)
			time.Sleep(time.Second)
		}
		if ok != 3 {
			t.Errorf("%d frames were answered, want the three that the session has left", ok)
		}
	})
}

// busyJournal lets somebody say five things when a client that has joined reads
// the history.
type busyJournal struct {
	*memjournal.Journal
	reads *int
}

func (j busyJournal) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	if *j.reads++; *j.reads == 1 {
		for i := range 5 {
			e := journal.Entry{Room: q.Room, Kind: journal.Message, Text: true, From: journal.User{ID: "ann"}, Body: []byte(fmt.Sprint("new ", i))}
			j.Append(ctx, e, func(journal.Receipt, error) {})
		}
	}
	return j.Journal.Read(ctx, q)
}

// What is said after a raw client has joined reaches it once and in order, however
// little history it asked for or the policy shows.
func TestDoors_History_HidesNothingSaidAfterTheJoin(t *testing.T) {
	all := subject(t, "anyone")
	for name, c := range map[string]struct {
		history access.History
		query   string
		want    []string
	}{
		"none":       {access.History{Entries: -1}, "100", nil},
		"two":        {access.History{Entries: 2}, "100", []string{"old 1", "old 2"}},
		"everything": {access.History{}, "100", []string{"old 0", "old 1", "old 2"}},
		"one wanted": {access.History{}, "1", []string{"old 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			j := busyJournal{memjournal.New(memjournal.Options{}), new(int)}
			for i := range 3 {
				e := journal.Entry{Room: "tea", Kind: journal.Message, Text: true, From: journal.User{ID: "ann"}, Body: []byte(fmt.Sprint("old ", i))}
				j.Append(t.Context(), e, func(journal.Receipt, error) {})
			}
			ws, _ := serve(t, chat.Config{Settings: chat.Settings{Policies: access.Policies{
				{Pattern: "*", Read: all, Write: all, History: c.history},
			}}, Journal: j}, &chat.Handler{})
			client := dial(t, ws+"?room=tea&history="+c.query)
			expect(t, client, append(c.want, "new 0", "new 1", "new 2", "new 3", "new 4")...)
		})
	}
}

// A refusal names the frame that it is about, also of a frame that is not valid.
func TestDoors_TooFast_NamesTheFrame(t *testing.T) {
	inBubble(t, chat.Settings{SessionRate: access.Rate{PerSecond: 0.001, Burst: 1}}, nil, func(t *testing.T, b *bubble) {
		c := b.connect().hello("")
		c.send(`{"type":"join","id":"a","room":"tea"}`)
		c.expect(`{"type":"error","id":"a","code":"too_fast","…":"…"}`)
		c.send(`{"type":"join","id":"b","room":7}`)
		c.expect(`{"type":"error","id":"b","code":"too_fast","…":"…"}`)
	})
}

// idOf gives everybody this id.
type idOf string

func (id idOf) Authenticate(context.Context, access.Credential) (*access.Identity, error) {
	return &access.Identity{User: journal.User{ID: string(id)}}, nil
}

// A user's id is never empty and has at most 128 bytes, whatever an Authenticator
// says; and a hello names nobody with white space.
func TestDoors_UserID_IsChecked(t *testing.T) {
	for id, want := range map[string]int{"": 500, strings.Repeat("u", 129): 500, strings.Repeat("u", 128): 101} {
		ws, _ := serve(t, chat.Config{Journal: memjournal.New(memjournal.Options{})}, &chat.Handler{Auth: idOf(id)})
		if got := answerTo(t, ws); got != want {
			t.Errorf("%d bytes: %d, want %d", len(id), got, want)
		}
	}
	ws, _ := serve(t, chat.Config{Journal: memjournal.New(memjournal.Options{})}, &chat.Handler{Auth: idOf("ann")})
	c := dialV1(t, ws)
	c.send(`{"type":"hello","name":"   "}`)
	c.expect(`{"type":"welcome","user":{"id":"ann","name":""},"…":"…"}`)
}
