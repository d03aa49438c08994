package chat

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat/internal/chatv1"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// FuzzV1 feeds a session whatever frames there may be, one a line. It
// must not panic, must answer a ping in the end, unless it has said goodbye, and must leave nothing behind.
func FuzzV1(f *testing.F) {
	protocol, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		f.Fatal(err)
	}
	const hello = `{"type":"hello","rooms":[{"room":"a"}]}` + "\n"
	for _, m := range regexp.MustCompile(`(?m)^[A-Z]?> (.*)$`).FindAllStringSubmatch(string(protocol), -1) {
		f.Add(m[1])
		f.Add(hello + strings.ReplaceAll(m[1], "$team", "a"))
	}
	f.Add(hello + `{"type":"send","room":"a","body":[[[]]]}` + "\n" + `{"type":"recall","room":"a","seq":1}`)
	f.Fuzz(func(t *testing.T, frames string) {
		feedFrames(t, strings.Split(frames, "\n"))
	})
}

func feedFrames(t *testing.T, frames []string) {
	hub, err := NewHub(Config{
		Journal: memjournal.New(memjournal.Options{}),
		Logger:  zap.New(failOnError{t, zapcore.NewNopCore()}),
	})
	if err != nil {
		t.Fatal(err)
	}
	server, client := net.Pipe()
	s := &session{began: time.Now(), hub: &hub.base}
	turn, err := hub.core.Connect(&s.Actor, newID(), netip.Addr{}, false)
	if err != nil {
		t.Fatal(err)
	}
	host := &v1Host{session: s, registry: &hub.registry, signIn: turn.NewSignIn(everybodyIsAGuest{}, httptest.NewRequest("GET", "/", nil))}
	v1 := chatv1.NewSession(host, &s.Actor, room.V1)
	s.dialect = v1
	if s.conn, err = hub.engine.Attach(server, false, s); err != nil {
		t.Fatal(err)
	}
	hub.register(s)
	hub.greeting.enter(s, 1)
	v1.AwaitHello()
	s.conn.Start()

	answered := make(chan bool)
	go func() {
		answered <- receives(client, `"id":"the end"`)
		_, _ = io.Copy(io.Discard, client) // until the hub closes
		close(answered)
	}()
	for _, frame := range append(frames, `{"type":"ping","id":"the end"}`) {
		if err := wsutil.WriteClientText(client, []byte(frame)); err != nil {
			break // it was closed: not UTF-8
		}
	}
	if !<-answered && utf8.ValidString(strings.Join(frames, " ")) {
		t.Error("no answer to a ping, and no goodbye")
	}
	client.Close()
	<-answered
	if err := hub.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if err := hub.Empty(); err != nil {
		t.Error(err)
	}
}

// receives reads frames until one contains what or says goodbye, and reports false
// if none does.
func receives(client net.Conn, what string) bool {
	r := bufio.NewReader(client)
	for {
		h, err := ws.ReadHeader(r)
		if err != nil {
			return false
		}
		p := make([]byte, h.Length)
		if _, err := io.ReadFull(r, p); err != nil {
			return false
		}
		if h.OpCode == ws.OpClose || strings.Contains(string(p), what) {
			return true
		}
	}
}

// failOnError fails a test that logs an error, as a contained panic does.
type failOnError struct {
	t *testing.T
	zapcore.Core
}

func (c failOnError) Enabled(zapcore.Level) bool { return true }

func (c failOnError) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if e.Level >= zap.ErrorLevel {
		return ce.AddCore(e, c)
	}
	return ce
}

func (c failOnError) Write(e zapcore.Entry, fields []zapcore.Field) error {
	m := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(m)
	}
	c.t.Errorf("logged %s: %v", e.Message, m.Fields)
	return nil
}
