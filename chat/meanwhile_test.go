package chat_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// What ends while a check is asked has ended: a table of acts, doors and ends. ann does
// something that says "late"; before the check lets it pass, something ends.

// takesTime is a check that lets all pass, once slow after two seconds.
type takesTime struct{ slow atomic.Bool }

func (c *takesTime) Check(ctx context.Context, q *check.Question) (check.Verdict, error) {
	if c.slow.Load() && q.About != check.Name {
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
			return check.Verdict{}, ctx.Err()
		}
	}
	return check.Verdict{Kind: check.Pass}, nil
}

// lateActs are what ann does in a conversation: as a frame, and as a request.
var lateActs = map[string]struct{ frame, method, path, body string }{
	"send":   {`"type":"send","room":"$g","body":"late"`, "POST", "/rooms/$g/messages", `{"body":"late"}`},
	"edit":   {`"type":"edit","room":"$g","seq":2,"body":"late"`, "PATCH", "/rooms/$g/messages/2", `{"body":"late"}`},
	"info":   {`"type":"info","room":"$g","title":"late"`, "PATCH", "/rooms/$g", `{"title":"late"}`},
	"member": {`"type":"member","room":"$g","users":["late"],"role":"member"`, "POST", "/rooms/$g/members", `{"users":["late"],"role":"member"}`},
	"create": {`"type":"create","key":"other","users":["ben"],"title":"late"`, "POST", "/rooms", `{"users":["ben"],"title":"late"}`},
	"raw":    {}, // says it in a room of the raw dialect
}

// end is something that ends. Of what it does not end, but has an answer to who is not there any
// more, not has the acts.
type end struct {
	comes   func(b *bubble, g string)
	request string   // how a request is refused; empty: it ends sessions only
	session string   // how a command is refused, if the session goes on
	not     []string // acts that it does not end
}

func asKey(b *bubble, method, path string) {
	b.t.Helper()
	w, r := httptest.NewRecorder(), newRequest(method, keyOf("k"), "")
	path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	if b.handler.ServeRequest(w, r, path); w.Code != 200 {
		b.t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}

var ends = map[string]end{
	"ban":              {func(b *bubble, _ string) { b.must(b.hub.Ban("", "ann", time.Hour)) }, "banned", "", nil},
	"ban from a room":  {func(b *bubble, g string) { b.must(b.hub.Ban(g, "ann", time.Hour)) }, "banned", "banned|not_joined", []string{"create"}},
	"mute":             {func(b *bubble, _ string) { b.must(b.hub.Mute("", "ann", time.Hour)) }, "muted", "muted", []string{"member"}},
	"kick":             {func(b *bubble, _ string) { b.must(b.hub.Kick("", "ann")) }, "", "", nil},
	"end of the token": {func(*bubble, string) { time.Sleep(time.Second) }, "expired", "", nil},
	"sign-out":         {func(b *bubble, _ string) { asKey(b, "DELETE", "/users/ann/sessions") }, "bad_token", "", nil},
	"erasure":          {func(b *bubble, _ string) { asKey(b, "DELETE", "/users/ann?messages=erase") }, "bad_token", "", nil},
	"end of the rights": {func(b *bubble, _ string) {
		set := b.hub.Settings()
		set.Policies = access.Policies{{Pattern: "g-*", Read: who(b.t, "members"), Direct: false, Create: who(b.t, "role=none"), Write: who(b.t, "role=none"), Moderate: who(b.t, "role=none"), Invite: who(b.t, "role=none")}}
		b.hub.Configure(set)
	}, "forbidden", "forbidden|not_joined", nil},
}

func TestChecks_WhatEndsMeanwhile_HasEnded(t *testing.T) {
	for name, end := range ends {
		for act, of := range lateActs {
			for _, door := range []string{"session", "request"} {
				isRaw := act == "raw"
				if slices.Contains(end.not, act) || door == "request" && (isRaw || end.request == "") || isRaw && name == "end of the rights" {
					continue
				}
				t.Run(name+"/"+act+"/"+door, func(t *testing.T) {
					c := &takesTime{}
					set := everywhere(c)
					set.Policies = chatApp(t)
					set.Checks[0].Timeout = 5 * time.Second
					set.Keys = access.Keys{newKey(t, "k", func(k *access.Key) { k.Users = true })}
					inBubble(t, set, expiring{}, func(t *testing.T, b *bubble) {
						over := time.Now().Add(time.Hour)
						b.handler.Auth = expiring{over}
						left := 30 * time.Second
						if name == "end of the token" {
							left = time.Second / 2
						}
						g, ann := b.rudeAnn(isRaw, over.Add(-left))
						c.slow.Store(true)
						answers := make(chan string, 1)
						switch {
						case isRaw:
							b.must(ann.conn.Write(t.Context(), websocket.MessageText, []byte("late")))
						case door == "session":
							ann.send(`{"id":"late",` + strings.ReplaceAll(of.frame, "$g", g) + `}`)
						default:
							go func() { answers <- b.requestAs("ann", of.method, strings.ReplaceAll(of.path, "$g", g), of.body) }()
						}
						synctest.Wait()
						if isRaw {
							g = "lobby"
						}
						ann.rude.Store(true)
						end.comes(b, g)
						time.Sleep(10 * time.Second)
						if found := b.recorded(t, `late"`); len(found) > 0 || isRaw && len(b.recorded(t, "late")) > 0 {
							t.Errorf("recorded: %q", found)
						}
						if door == "request" {
							if got := <-answers; got != end.request {
								t.Errorf("answered with %q, not %q", got, end.request)
							}
							return
						}
						if end.session != "" && !isRaw {
							answer := ""
							for len(ann.frames) > 0 {
								if frame := ann.any(); strings.Contains(frame, `"late"`) {
									answer = frame
								}
							}
							if !slices.ContainsFunc(strings.Split(end.session, "|"), func(code string) bool { return strings.Contains(answer, `"code":"`+code) }) {
								t.Errorf("answered with %s, not %s", answer, end.session)
							}
						}
					})
				})
			}
		}
	}
}

// Who is banned, or blocks ann, while the check is asked whether ann may add them, is not added.
func TestChecks_WhoIsAdded_IsJudgedAgain(t *testing.T) {
	for name, ends := range map[string]func(b *bubble, dan *client, g, d string){
		"ban":             func(b *bubble, _ *client, _, _ string) { b.must(b.hub.Ban("", "dan", time.Hour)) },
		"ban from a room": func(b *bubble, _ *client, g, _ string) { b.must(b.hub.Ban(g, "dan", time.Hour)) },
		"block": func(b *bubble, dan *client, _, d string) {
			dan.send(fmt.Sprintf(`{"type":"set","id":"1","room":%q,"block":true}`, d))
			dan.expect(`{"type":"ok","id":"1","…":"…"}`)
		},
	} {
		for _, act := range []string{`"type":"member","room":"$g","users":["dan"],"role":"member"`, `"type":"create","key":"other","users":["dan"]`} {
			if name == "ban from a room" && strings.Contains(act, "create") {
				continue // it is another room
			}
			t.Run(name+"/"+act[8:14], func(t *testing.T) {
				c := &takesTime{}
				set := everywhere(c)
				set.Policies, set.Checks[0].Timeout = chatApp(t), 5*time.Second
				inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
					ann, dan := b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"dan"`)
					g, d := ann.create(`"key":"k","users":["ben"]`), dan.create(`"direct":"ann"`)
					c.slow.Store(true)
					ann.send(`{"id":"1",` + strings.ReplaceAll(act, "$g", g) + `}`)
					synctest.Wait()
					ends(b, dan, g, d)
					ann.expect(`{"type":"error","id":"1","code":"forbidden","…":"…"}`)
				})
			})
		}
	}
}

// rude is a connection whose client, once it is so, answers nothing any more, and does not go.
type rude struct {
	net.Conn
	atomic.Bool
}

func (r *rude) Write(p []byte) (int, error) {
	if r.Load() {
		return len(p), nil
	}
	return r.Conn.Write(p)
}

func (r *rude) Close() error {
	if r.Load() {
		time.AfterFunc(time.Hour, func() { r.Conn.Close() })
		return nil
	}
	return r.Conn.Close()
}

type rudeClient struct {
	*client
	rude *rude
}

// rudeAnn returns a conversation of ann, who owns it and has said something in it, and a session
// of ann in there, or in the lobby, whose client may become rude. It comes back at that time.
func (b *bubble) rudeAnn(raw bool, at time.Time) (g string, ann rudeClient) {
	b.t.Helper()
	first := b.connect().hello(`,"token":"ann"`)
	g = first.create(`"key":"k","users":["ben"]`)
	first.closeNow()
	time.Sleep(time.Until(at))
	var made *rude
	dial := func(context.Context, string, string) (net.Conn, error) {
		server, client := net.Pipe()
		b.accept <- server
		made = &rude{Conn: client}
		return made, nil
	}
	opt := &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
	url := "ws://chat.test/chat"
	if raw {
		opt.HTTPHeader = http.Header{"Authorization": {"Bearer ann"}}
	} else {
		opt.Subprotocols = []string{chat.Subprotocol}
	}
	conn, _, err := websocket.Dial(context.Background(), url, opt)
	ann = rudeClient{newClient(b.t, conn, err), made}
	if !raw {
		ann.send(fmt.Sprintf(`{"type":"hello","token":"ann","rooms":[{"room":%q}]}`, g))
		ann.until("welcome")
		ann.send(fmt.Sprintf(`{"type":"send","id":"s","room":%q,"body":"early"}`, g))
		ann.until("ok")
	}
	synctest.Wait()
	return g, ann
}

// requestAs returns the code of an error with which a request is answered, or nothing.
func (b *bubble) requestAs(user, method, path, body string) (code string) {
	r := newRequest(method, user, body)
	if strings.HasSuffix(path, "/rooms") {
		r.Header.Set("Idempotency-Key", `"other"`)
	}
	w := httptest.NewRecorder()
	b.handler.ServeRequest(w, r, path)
	if _, err := fmt.Sscanf(w.Body.String()[max(0, strings.Index(w.Body.String(), `"code":`)):], `"code":%q`, &code); err != nil && w.Code >= 400 {
		b.t.Errorf("%d %s", w.Code, w.Body)
	}
	return code
}

// recorded returns all entries of all rooms whose body has the text.
func (b *bubble) recorded(t *testing.T, text string) (found []string) {
	t.Helper()
	b.must(b.hub.KeptRooms(t.Context(), func(room string) error {
		page, err := b.journal.Read(t.Context(), journal.Query{Room: room, Limit: 100})
		for _, e := range page.Entries {
			if strings.Contains(string(e.Body), text) {
				found = append(found, room+": "+string(e.Body))
			}
		}
		return err
	}))
	return found
}

// A key that is revoked while its request waits does nothing more: nor does one whose scopes, whose
// secret or whose addresses are others now. Of a batch, no message follows.
func TestChecks_KeyThatIsRevokedMeanwhile_DoesNothing(t *testing.T) {
	newly := func(change func(*access.Key)) func(*testing.T) access.Keys {
		return func(t *testing.T) access.Keys { return access.Keys{newKey(t, "k", change)} }
	}
	acts := map[string]struct{ frame, method, path, body string }{
		"batch": {"", "POST", "/messages", `{"messages":[{"room":"$g","as":"ben","body":"first"},{"room":"$g","as":"ben","body":"late"},{"room":"$g","body":"late"},{"room":"$g","as":"ben","body":"late"}]}`},
	}
	maps.Copy(acts, lateActs)
	delete(acts, "raw")
	for name, keys := range map[string]func(*testing.T) access.Keys{
		"revoked":      func(*testing.T) access.Keys { return nil },
		"other scopes": newly(func(k *access.Key) { k.Read = one("*") }),
		"other secret": newly(func(k *access.Key) { k.Secrets[0][0]++; k.Write, k.Members, k.As = one("*"), one("*"), one("*") }),
		"other addresses": newly(func(k *access.Key) {
			k.From, k.Write, k.Members, k.As = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, one("*"), one("*"), one("*")
		}),
	} {
		for act, of := range acts {
			t.Run(name+"/"+act, func(t *testing.T) {
				c := &takesTime{}
				set := everywhere(c)
				set.Policies, set.Checks[0].Timeout, set.Checks[0].Keys = chatApp(t), 5*time.Second, true
				set.Keys = newly(func(k *access.Key) { k.Write, k.Members, k.As = one("*"), one("*"), one("*") })(t)
				inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
					ann := b.connect().hello(`,"token":"ann"`)
					g := ann.create(`"key":"k","users":["ben"]`)
					if got := b.requestAs(keyOf("k"), "POST", "/rooms/"+g+"/messages", `{"body":"early"}`); got != "" {
						t.Fatal(got)
					}
					c.slow.Store(true)
					answer := make(chan string, 1)
					go func() {
						answer <- b.requestAs(keyOf("k"), of.method, strings.ReplaceAll(of.path, "$g", g), strings.ReplaceAll(of.body, "$g", g))
					}()
					time.Sleep(time.Second)
					if act == "batch" {
						time.Sleep(2 * time.Second) // the second is asked about
					}
					set := b.hub.Settings()
					set.Keys = keys(t)
					b.hub.Configure(set)
					if got := <-answer; got != "forbidden" {
						t.Errorf("answered with %q", got)
					}
					if found := b.recorded(t, `late"`); len(found) > 0 {
						t.Errorf("recorded: %q", found)
					}
				})
			})
		}
	}
}
