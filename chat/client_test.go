package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire/script"
)

// bubble is a server on fake time whose sockets are pipes.
type bubble struct {
	t       *testing.T
	hub     *chat.Hub
	journal journal.Journal
	handler *chat.Handler
	accept  chan net.Conn
	query   string // of the URLs of inQueryBubble
}

// inBubble runs f against a server, and closes that in the end.
func inBubble(t *testing.T, set chat.Settings, auth access.Authenticator, f func(t *testing.T, b *bubble)) {
	t.Helper()
	inBubbleWith(t, set, auth, alone, f)
}

// inBubbleWith is inBubble with something around the handler.
func inBubbleWith(t *testing.T, set chat.Settings, auth access.Authenticator, around func(http.Handler) http.Handler, f func(t *testing.T, b *bubble)) {
	t.Helper()
	onJournal(t, func() chat.Config {
		return chat.Config{Settings: set, Journal: memjournal.New(memjournal.Options{})}
	}, auth, around, func(t *testing.T, b *bubble) {
		f(t, b)
		b.close()
	})
}

// close closes the hub, and reports what is left in it.
func (b *bubble) close() {
	b.t.Helper()
	if err := errors.Join(b.hub.Check(), b.hub.Close(context.Background()), b.hub.Empty()); err != nil {
		b.t.Error(err)
	}
}

// alone puts nothing around a handler.
func alone(h http.Handler) http.Handler { return h }

// inQueryBubble is inBubble with tokens, where each connection has the query that is
// set then.
func inQueryBubble(t *testing.T, set chat.Settings, f func(t *testing.T, b *bubble)) {
	t.Helper()
	var b *bubble
	inBubbleWith(t, set, tokens{}, queryOf(&b), func(t *testing.T, it *bubble) {
		b = it
		f(t, it)
	})
}

// queryOf makes all requests have the query that is set in a bubble then.
func queryOf(b **bubble) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.RawQuery = (*b).query
			h.ServeHTTP(w, r)
		})
	}
}

// withQuery makes all requests have a query.
func withQuery(query string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.RawQuery = query
			h.ServeHTTP(w, r)
		})
	}
}

// onJournal is inBubbleWith on a journal that is made in the bubble. f closes the hub.
func onJournal(t *testing.T, cfg func() chat.Config, auth access.Authenticator, around func(http.Handler) http.Handler, f func(t *testing.T, b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, stop := begin(t, cfg(), auth, around)
		defer stop()
		f(t, b)
	})
}

// begin begins a server in a bubble. Whoever called it closes the hub, and then stops the
// server.
func begin(t *testing.T, cfg chat.Config, auth access.Authenticator, around func(http.Handler) http.Handler) (b *bubble, stop func()) {
	t.Helper()
	unhurried(&cfg.Settings)
	hub, err := chat.NewHub(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b = &bubble{t: t, hub: hub, journal: cfg.Journal, handler: &chat.Handler{Hub: hub, Auth: auth}, accept: make(chan net.Conn)}
	srv := &http.Server{Handler: around(b.handler), ErrorLog: log.New(io.Discard, "", 0)} // which tells of panics in callbacks
	l := &pipeListener{accept: b.accept, closed: make(chan struct{})}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return b, func() {
		if t.Failed() { // the hub may not have been closed, and its clocks would run for ever
			_ = hub.Close(context.Background()) // it has failed already
		}
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		serving.Wait()
	}
}

type pipeListener struct {
	accept chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// client speaks chat.v1 in a test.
type client struct {
	t      *testing.T
	conn   *websocket.Conn
	vars   script.Vars // what it has been told
	frames chan string // that it was sent; closed in the end
	end    error       // set before frames is closed
}

// connect opens a connection of chat.v1 and says nothing on it.
func (b *bubble) connect() *client {
	b.t.Helper()
	return b.dial(chat.Subprotocol)
}

// connectRaw opens a connection of the raw dialect.
func (b *bubble) connectRaw() *client {
	b.t.Helper()
	return b.dial()
}

func (c *client) closeNow() { c.conn.CloseNow() }

func (b *bubble) dial(protocols ...string) *client {
	b.t.Helper()
	conn, _, err := b.tryDial(protocols...)
	return newClient(b.t, conn, err)
}

func (b *bubble) tryDial(protocols ...string) (*websocket.Conn, *http.Response, error) {
	dial := func(context.Context, string, string) (net.Conn, error) {
		server, client := net.Pipe()
		b.accept <- server
		return client, nil
	}
	return websocket.Dial(b.t.Context(), "ws://chat/", &websocket.DialOptions{
		Subprotocols: protocols,
		HTTPClient:   &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}},
	})
}

func newClient(t *testing.T, conn *websocket.Conn, err error) *client {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(4 << 20)
	c := &client{t: t, conn: conn, vars: script.Vars{}, frames: make(chan string, 1000)}
	var reading sync.WaitGroup
	reading.Go(c.read)
	t.Cleanup(func() {
		conn.CloseNow()
		reading.Wait()
	})
	return c
}

func (c *client) read() {
	defer close(c.frames)
	for {
		_, p, err := c.conn.Read(context.Background())
		if err != nil {
			c.end = err
			return
		}
		c.frames <- string(p)
	}
}

// dialV1 connects over a real socket.
func dialV1(t *testing.T, url string) *client {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{Subprotocols: []string{chat.Subprotocol}})
	return newClient(t, conn, err)
}

// hello says hello with these further fields, and receives welcome.
func (c *client) hello(members string) *client {
	c.t.Helper()
	c.send(`{"type":"hello"` + members + `}`)
	c.expect(`{"type":"welcome","user":{"id":"$me","…":"…"},"…":"…"}`)
	return c
}

// openList says hello as a user of the test's tokens, with a list, and receives the welcome. Rows
// that are told at once come behind it.
func (c *client) openList(token string) *client {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"type":"hello","token":%q,"list":{}}`, token))
	c.expect(`{"type":"welcome","list":{"…":"…"},"…":"…"}`)
	synctest.Wait() // until then a row comes in place of a head
	return c
}

func (c *client) send(frame string) {
	c.t.Helper()
	if err := c.conn.Write(c.t.Context(), websocket.MessageText, []byte(frame)); err != nil {
		c.t.Fatalf("send %s: %v", frame, err)
	}
}

// next returns the next frame but presence.
func (c *client) next() string {
	c.t.Helper()
	for {
		if frame := c.any(); typeOf(frame) != "presence" {
			return frame
		}
	}
}

func (c *client) any() string {
	c.t.Helper()
	select {
	case frame, ok := <-c.frames:
		if !ok {
			c.t.Fatalf("waiting for a frame: %v", c.end)
		}
		return frame
	case <-time.After(20 * time.Second):
		c.t.Fatal("waiting for a frame: nothing came")
	}
	return ""
}

func typeOf(frame string) string {
	var f struct{ Type string }
	if err := json.Unmarshal([]byte(frame), &f); err != nil {
		return err.Error()
	}
	return f.Type
}

// expect fails unless these frames come next, presence aside. The notation is that
// of PROTOCOL.md.
func (c *client) expect(patterns ...string) {
	c.t.Helper()
	for _, want := range patterns {
		c.match(want, c.next())
	}
}

// expectAround fails unless the other frames come next, in order, and the answer before,
// between or behind them: what a command causes may come before its answer.
func (c *client) expectAround(answer string, others ...string) {
	c.t.Helper()
	answered := false
	for i := 0; i < len(others) || !answered; {
		switch frame := c.next(); {
		case !answered && typeOf(frame) == typeOf(answer), i == len(others):
			c.match(answer, frame)
			answered = true
		default:
			c.match(others[i], frame)
			i++
		}
	}
}

func (c *client) match(want, got string) {
	c.t.Helper()
	if err := script.Match([]byte(want), []byte(got), c.vars); err != nil {
		c.t.Fatalf("%v\ngot %s\nwant  %s", err, got, want)
	}
}

// silent fails if anything comes within d.
func (c *client) silent(d time.Duration) {
	c.t.Helper()
	select {
	case frame := <-c.frames:
		c.t.Fatalf("got %s, want nothing", frame)
	case <-time.After(d):
	}
}

// closed fails unless the server now closes with that code.
func (c *client) closed(code websocket.StatusCode) {
	c.t.Helper()
	select {
	case frame, ok := <-c.frames:
		if ok {
			c.t.Fatalf("got %s, want an end", frame)
		}
	case <-time.After(100 * time.Hour): // in a bubble, else the test's own time is up
		c.t.Fatalf("it is still open, want %d", code)
	}
	if websocket.CloseStatus(c.end) != code {
		c.t.Fatalf("ended with %v, want %d", c.end, code)
	}
}
