package chat_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
	"github.com/caddychat/caddy-chat/chat/wire"
	"github.com/caddychat/caddy-chat/chat/wire/script"
)

// journals are those that the tests of the protocol run on.
var journals = map[string]func(t testing.TB) journal.Journal{
	"memory": func(testing.TB) journal.Journal { return memjournal.New(memjournal.Options{}) },
	"pebble": func(t testing.TB) journal.Journal { return pebbleIn(t, t.TempDir()) },
}

func pebbleIn(t testing.TB, dir string) journal.Journal {
	t.Helper()
	j, err := pebblejournal.Open(pebblejournal.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestProtocol_Examples plays every example of PROTOCOL.md to a server, on
// every journal.
func TestProtocol_Examples(t *testing.T) {
	text, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := script.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range journals {
		t.Run(name, func(t *testing.T) {
			set := chat.Settings{Policies: examplePolicies(t)}
			url, _ := serve(t, chat.Config{Settings: set, Journal: open(t)}, &chat.Handler{Auth: testAuth{}})
			for _, c := range examples {
				t.Run(strconv.Itoa(c.Line), func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					given := script.Vars{"moderator": "moderator", "ann": "ann", "ben": "ben", "cy": "cy", "dan": "dan"}
					if err := script.Run(ctx, c, dialScript(url), given); err != nil {
						t.Errorf("PROTOCOL.md, %q: %v", c.Title, err)
					}
				})
			}
		})
	}
}

// examplePolicies are those that the appendix of PROTOCOL.md names, and one for all other
// rooms.
func examplePolicies(t *testing.T) access.Policies {
	return access.Policies{
		{Pattern: "d-*", Direct: true, Create: who(t, "users")},
		{
			Pattern: "g-*", Read: who(t, "members"), Write: who(t, "members"), Moderate: who(t, "admins"),
			Create: who(t, "users"), Invite: who(t, "members"), History: access.History{Joined: true}, MaxMembers: 500,
		},
		{Pattern: "*", Read: who(t, "anyone"), Write: who(t, "anyone")},
	}
}

// serve serves h over loopback, with a new hub, and closes both at the end of
// the test.
func serve(t testing.TB, cfg chat.Config, h *chat.Handler) (url string, hub *chat.Hub) {
	t.Helper()
	unhurried(&cfg.Settings)
	hub, err := chat.NewHub(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h.Hub = hub
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		srv.Close()
		if err := errors.Join(hub.Check(), hub.Close(context.Background()), hub.Empty()); err != nil {
			t.Errorf("close hub: %v", err)
		}
	})
	return "ws" + strings.TrimPrefix(srv.URL, "http"), hub
}

// unhurried lifts the limits that are about time, where a test has set none.
func unhurried(s *chat.Settings) {
	for _, r := range []*access.Rate{&s.SessionRate, &s.SessionBytes, &s.ConnectRate, &s.NewRooms, &s.ReadBytes, &s.CreateRate, &s.ListRate} {
		if r.Burst == 0 {
			*r = access.Rate{PerSecond: 1e9, Burst: 1 << 30}
		}
	}
}

// testAuth is an Authenticator whose guests' tokens are their ids.
type testAuth struct{}

func (testAuth) Authenticate(ctx context.Context, c access.Credential) (*access.Identity, error) {
	switch {
	case c.Token == "moderator":
		return &access.Identity{
			User:   journal.User{ID: "moderator"},
			Grants: &access.Grants{Read: []string{"*"}, Write: []string{"*"}, Moderate: []string{"*"}},
		}, nil
	case c.Token == "ann", c.Token == "ben", c.Token == "cy", c.Token == "dan":
		return &access.Identity{User: journal.User{ID: c.Token, Name: strings.ToUpper(c.Token[:1]) + c.Token[1:]}}, nil
	case c.Token == "":
		c.Token = "guest-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	case !strings.HasPrefix(c.Token, "guest-"):
		return nil, wire.BadToken.Error("")
	}
	return &access.Identity{User: journal.User{ID: c.Token, Guest: true}, Token: c.Token}, nil
}

func dialScript(url string) script.Dialer {
	return func(ctx context.Context, _, dialect, query string) (script.Conn, error) {
		opt := &websocket.DialOptions{}
		if dialect != "raw" {
			opt.Subprotocols = []string{dialect}
		}
		c, _, err := websocket.Dial(ctx, url+"?"+query, opt)
		if err != nil {
			return nil, err
		}
		c.SetReadLimit(1 << 20)
		return scriptConn{c}, nil
	}
}

type scriptConn struct{ *websocket.Conn }

func (c scriptConn) Send(ctx context.Context, f script.Frame) error {
	typ := websocket.MessageText
	if f.Binary {
		typ = websocket.MessageBinary
	}
	return c.Write(ctx, typ, f.Data)
}

func (c scriptConn) Recv(ctx context.Context) (script.Frame, error) {
	typ, p, err := c.Read(ctx)
	if code := websocket.CloseStatus(err); code >= 0 {
		return script.Frame{}, &script.ClosedError{Code: int(code)}
	}
	return script.Frame{Binary: typ == websocket.MessageBinary, Data: p}, err
}

func (c scriptConn) Close() error { return c.CloseNow() }
