package chat_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// rogue is what others may have written: a journal, an authenticator and a login, one
// of whose methods does what it must not, for rooms and users whose names have "bad" in
// them.
type rogue struct {
	journal.Journal
	tokens
	method atomic.Pointer[string]
	does   string
	over   chan struct{} // what hangs ends
	calls  atomic.Int64  // that went wrong
}

func newRogue(does string) *rogue {
	r := &rogue{Journal: memjournal.New(memjournal.Options{}), does: does, over: make(chan struct{})}
	r.method.Store(new(string))
	return r
}

var errRogue = errors.New("a test wants it")

func (r *rogue) call(method, about string) error {
	if *r.method.Load() != method || !strings.Contains(about, "bad") {
		return nil
	}
	r.calls.Add(1)
	switch r.does {
	case "panic":
		panic(errRogue)
	case "goexit":
		runtime.Goexit()
	case "hang":
		<-r.over
	}
	return errRogue
}

func (r *rogue) Authenticate(ctx context.Context, c access.Credential) (*access.Identity, error) {
	if err := r.call("Authenticate", c.Token); err != nil {
		return nil, err
	}
	return r.tokens.Authenticate(ctx, c)
}

func (r *rogue) Login(_ *http.Request, code string) (*wire.Login, error) {
	return nil, r.call("Login", code)
}

func (r *rogue) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if err := r.call("Append", e.Room); err != nil {
		done(journal.Receipt{}, err)
		return
	}
	if r.call("done", e.Room) != nil {
		return // it is not answered
	}
	r.Journal.Append(ctx, e, done)
}

func (r *rogue) Follow(room string, after journal.Seq, f journal.Follower) (journal.Start, error) {
	if err := r.call("Follow", room); err != nil {
		return journal.Start{}, err
	}
	start, err := r.Journal.Follow(room, after, f)
	stop := start.Stop
	start.Stop = func() {
		defer stop()
		_ = r.call("Stop", room)
	}
	return start, err
}

func (r *rogue) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	if err := r.call("Read", q.Room); err != nil {
		return journal.Page{}, err
	}
	return r.Journal.Read(ctx, q)
}

func (r *rogue) Pages(ctx context.Context, q []journal.Query, bytes int) ([]journal.Page, error) {
	for i := range q {
		if err := r.call("Pages", q[i].Room); err != nil {
			return nil, err
		}
	}
	return r.Journal.Pages(ctx, q, bytes)
}

func (r *rogue) Heads(ctx context.Context, rooms []string) ([]journal.Head, error) {
	if err := r.call("Heads", strings.Join(rooms, " ")); err != nil {
		return nil, err
	}
	return r.Journal.Heads(ctx, rooms)
}

// room and clientIP are those of a Handler.
func (r *rogue) room(req *http.Request) string {
	if r.call("Room", req.URL.RawQuery) != nil {
		return ""
	}
	return chat.QueryRoom(req)
}

func (r *rogue) clientIP(req *http.Request) netip.Addr {
	_ = r.call("ClientIP", req.URL.RawQuery+req.Header.Get("Authorization"))
	return netip.Addr{}
}

func (r *rogue) Close() error { return errors.Join(r.call("Close", "bad"), r.Journal.Close()) }

func (r *rogue) Records() journal.Records { return rogueRecords{r.Journal.Records(), r} }

type rogueRecords struct {
	journal.Records
	r *rogue
}

func (r rogueRecords) Put(ctx context.Context, key string, value []byte) error {
	return errors.Join(r.r.call("Put", key), r.Records.Put(ctx, key, value))
}

func (r rogueRecords) Update(ctx context.Context, key string, f func([]byte) ([]byte, error)) error {
	if err := r.r.call("Update", key); err != nil {
		return err
	}
	return r.Records.Update(ctx, key, f)
}

func (r rogueRecords) Get(ctx context.Context, key string) (journal.Record, error) {
	if err := r.r.call("Get", key); err != nil {
		return journal.Record{}, err
	}
	return r.Records.Get(ctx, key)
}

func (r rogueRecords) GetMany(ctx context.Context, keys []string) ([]journal.Record, error) {
	if err := r.r.call("GetMany", strings.Join(keys, " ")); err != nil {
		return nil, err
	}
	return r.Records.GetMany(ctx, keys)
}

func (r rogueRecords) Scan(ctx context.Context, prefix string, f func(journal.Record) error) error {
	if err := r.r.call("Scan", prefix); err != nil {
		return err
	}
	return r.Records.Scan(ctx, prefix, f)
}

func (r rogueRecords) Watch(prefix string, each func(journal.Record)) (func(), error) {
	stop, err := r.Records.Watch(prefix, each)
	return func() {
		defer stop()
		_ = r.r.call("StopWatch", "bad")
	}, err
}

// victims do everything that calls something of others, each by itself, since each may
// be held up or cut off. Those who must be in a room are in it now; begin begins.
func victims(b *bubble, r *rogue) (begin func() *sync.WaitGroup) {
	frames := map[string]*client{
		`{"type":"send","id":"1","room":"bad","body":1}`:          nil,
		`{"type":"join","id":"1","room":"bad"}`:                   nil,
		`{"type":"join","id":"1","room":"bad and new"}`:           nil,
		`{"type":"history","id":"1","room":"bad"}`:                nil,
		`{"type":"read","id":"1","room":"bad","seq":1}`:           nil,
		`{"type":"recall","id":"1","room":"bad","seq":1}`:         nil,
		`{"type":"who","id":"1","room":"bad"}`:                    nil,
		`{"type":"leave","id":"1","room":"bad, and alone in it"}`: nil,
		`{"type":"renew","id":"1","token":"bad user"}`:            nil,
	}
	for frame := range frames {
		rooms := `{"room":"bad"}`
		if strings.Contains(frame, "alone") {
			rooms += `,{"room":"bad, and alone in it"}`
		}
		frames[frame] = b.connect().hello(`,"token":"ann","rooms":[` + rooms + `]`)
	}
	ctx := context.Background()
	others := []func(){
		func() { b.request("GET", "bad") },
		func() { b.request("POST", "bad") },
		func() { b.request("POST", "bad and newer") },
		func() { serveMessages(b.handler, newRequest("GET", "bad user", ""), "tea") },
		func() { b.handler.ServeLogin(httptest.NewRecorder(), newRequest("POST", "", `{"code":"bad"}`), r) },
		func() { _ = b.hub.Mute("bad", "x", time.Hour) },
		func() { _, _, _ = b.hub.Room(ctx, "bad") },
		func() { _, _ = b.hub.EraseRoom(ctx, "bad and old") },
		func() { _, _ = b.hub.User(ctx, "bad user") },
		func() { _, _ = b.hub.AnnounceToAll(ctx, []byte("1")) },
		func() { _ = b.hub.Export(ctx, "bad", "", 0, func([]byte) error { return nil }) },
		func() { _ = b.hub.Tail(ctx, "bad", 1, func([]byte) error { return nil }) },
		func() { b.arrive(`{"type":"hello","token":"ann","rooms":[{"room":"bad"},{"room":"tea"}]}`, "") },
		func() { b.arrive(`{"type":"hello","token":"bad user"}`, "") },
		func() { b.arrive("", "room=bad&history=10") },
		func() { b.arrive("", "room=tea&token=bad+user") },
	}
	return func() *sync.WaitGroup {
		doing := new(sync.WaitGroup)
		for frame, c := range frames {
			c.send(frame)
		}
		for _, act := range others {
			doing.Go(func() {
				defer func() { _ = recover() }() // as a web server does
				act()
			})
		}
		return doing
	}
}

// arrive connects, raw if it says nothing, and stays until the server ends that.
func (b *bubble) arrive(says, query string) {
	opt := &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		server, client := net.Pipe()
		b.accept <- server
		return client, nil
	}}}}
	if says != "" {
		opt.Subprotocols = []string{chat.Subprotocol}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://chat/?"+query, opt)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	if says != "" {
		_ = conn.Write(ctx, websocket.MessageText, []byte(says))
	}
	for err == nil {
		_, _, err = conn.Read(ctx)
	}
}

// checkServed fails unless somebody else is served as ever, in rooms that are not bad.
func (b *bubble) checkServed(c *client) {
	b.t.Helper()
	fresh := b.connect().hello(`,"token":"li","rooms":[{"room":"good"}]`)
	raw := b.connectRaw()
	for synctest.Wait(); len(c.frames) > 0; { // the announcement
		<-c.frames
	}
	fresh.send(`{"type":"send","id":"1","room":"good","body":1}`)
	c.expect(`{"type":"message","room":"good","body":1,"…":"…"}`)
	for _, say := range []string{
		`{"type":"join","id":"1","room":"lobby"}`, `{"type":"read","id":"1","room":"good","seq":1}`,
		`{"type":"history","id":"1","room":"good"}`, `{"type":"who","id":"1","room":"good"}`,
	} {
		c.send(say)
		if got := c.next(); strings.Contains(got, `"error"`) {
			b.t.Errorf("%s: %s", say, got)
		}
	}
	c.send(`{"type":"send","room":"lobby","body":"hi"}`)
	if got := raw.any(); got != "hi" {
		b.t.Errorf("raw: got %s", got)
	}
	if status, body, _ := b.request("GET", "good"); status != 200 {
		b.t.Errorf("GET: %d %s", status, body)
	}
}

// Whatever somebody else's code does, the hub serves all others meanwhile, closes in
// time, and holds nothing once that code has come to its end.
func TestForeign_Misbehaves_CostsNobodyElse(t *testing.T) {
	for _, method := range []string{
		"Authenticate", "Login", "Append", "done", "Follow", "Stop", "Read", "Pages", "Close",
		"Put", "Update", "Get", "GetMany", "Scan", "StopWatch", "Heads", "Room", "ClientIP",
	} {
		for _, does := range []string{"error", "panic", "goexit", "hang"} {
			t.Run(method+"/"+does, func(t *testing.T) {
				var r *rogue
				config := func() chat.Config {
					r = newRogue(does)
					return chat.Config{Journal: r}
				}
				onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
					b.handler.Auth, b.handler.Room, b.handler.ClientIP = r, r.room, r.clientIP
					good := b.connect().hello(`,"token":"bo","rooms":[{"room":"good"}]`)
					begin := victims(b, r)
					time.Sleep(time.Second)
					r.method.Store(&method)
					doing := begin()
					time.Sleep(time.Minute)
					b.checkServed(good)

					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					began := time.Now()
					err := b.hub.Close(ctx)
					if took := time.Since(began); took > 2*time.Second {
						t.Errorf("Close took %v", took)
					}
					if left := errors.Is(err, chat.ErrLeftBehind); left && does != "hang" && method != "done" || err == nil && method == "Close" {
						t.Errorf("Close: %v", err)
					}
					if r.calls.Load() == 0 {
						t.Error("nobody has called it")
					}
					close(r.over)
					doing.Wait()
					synctest.Wait()
					if err := b.hub.Empty(); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}
