package script

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// fakeServer answers what it is told as its table says.
type fakeServer struct {
	answers map[string][]Frame // by what the client says
	closes  map[string]int
	dialed  []string
	open    int
}

func (s *fakeServer) dial(_ context.Context, name, dialect, query string) (Conn, error) {
	s.dialed = append(s.dialed, fmt.Sprintf("%s %s %s", name, dialect, query))
	s.open++
	return &fakeConn{server: s}, nil
}

type fakeConn struct {
	server *fakeServer
	heard  []Frame
	code   int
	closed bool
}

func (c *fakeConn) Send(_ context.Context, f Frame) error {
	text := f.String()
	if room, ok := strings.CutPrefix(text, "room "); ok {
		c.heard = append(c.heard, Frame{Data: []byte(room)})
	}
	c.heard = append(c.heard, c.server.answers[text]...)
	c.code = c.server.closes[text]
	return nil
}

func (c *fakeConn) Recv(ctx context.Context) (Frame, error) {
	if len(c.heard) > 0 {
		f := c.heard[0]
		c.heard = c.heard[1:]
		return f, nil
	}
	if c.code != 0 {
		return Frame{}, &ClosedError{c.code}
	}
	<-ctx.Done()
	return Frame{}, ctx.Err()
}

func (c *fakeConn) Close() error {
	if !c.closed {
		c.closed = true
		c.server.open--
	}
	return nil
}

func text(frames ...string) (list []Frame) {
	for _, f := range frames {
		list = append(list, Frame{Data: []byte(f)})
	}
	return list
}

func newFake() *fakeServer {
	return &fakeServer{
		answers: map[string][]Frame{
			`{"type":"ping"}`: text(`{"type":"pong"}`),
			`both`:            text(`{"type":"message","seq":5}`, `{"type":"ok","seq":5}`),
			`list`:            text(`{"type":"row","room":"g"}`, `{"type":"head","room":"g"}`, `{"type":"pong"}`),
			`crowd`:           text(`{"type":"presence","members":1}`, `{"type":"presence","members":2}`, `{"type":"pong"}`),
			`token`:           text(`{"token":"secret"}`),
			`"secret"`:        text(`"welcome back"`),
			`hello`:           text("plain"),
			`binary 00ff`:     {{Binary: true, Data: []byte{1}}},
		},
		closes: map[string]int{"bye": 4503},
	}
}

// run plays a block's lines to the fake.
func run(t *testing.T, server *fakeServer, info, lines string, given Vars) error {
	t.Helper()
	list, err := Parse([]byte("```" + info + "\n" + lines + "\n```"))
	if err != nil || len(list) != 1 {
		t.Fatalf("%d conversations, %v", len(list), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	return Run(ctx, list[0], server.dial, given)
}

func TestRun_ServerThatComplies(t *testing.T) {
	for name, lines := range map[string]string{
		"in order":          "> {\"type\":\"ping\"}\n< {\"type\":\"pong\"}",
		"any order":         "> both\n<| {\"type\":\"ok\",\"seq\":\"$n\"}\n<| {\"type\":\"message\",\"seq\":\"$n\"}",
		"the list passes":   "> list\n< {\"type\":\"pong\"}",
		"a head awaited":    "> list\n< {\"type\":\"head\",\"room\":\"g\"}\n< {\"type\":\"pong\"}",
		"presence passes":   "> crowd\n< {\"type\":\"pong\"}",
		"presence awaited":  "> crowd\n< {\"type\":\"presence\",\"members\":2}\n< {\"type\":\"pong\"}",
		"value is kept":     "A> token\nA< {\"token\":\"$t\"}\nB> \"$t\"\nB< \"welcome back\"",
		"binary":            ">x 00ff\n<x 01",
		"closed":            "> bye\nclosed 4503",
		"closed somehow":    "> bye\nclosed",
		"closed by client":  "> hello\nclose",
		"another dialect":   "> {\"type\":\"ping\"}\nR open raw\nR> hello\nR< plain\n< {\"type\":\"pong\"}",
		"fresh value stays": "> room \"$room\"\n< \"$room\"",
	} {
		server := newFake()
		if err := run(t, server, "chat.v1", lines, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if server.open != 0 {
			t.Errorf("%s: %d connections are left open", name, server.open)
		}
	}
}

func TestRun_ServerThatDeparts_IsReported(t *testing.T) {
	for name, c := range map[string]struct{ lines, want string }{
		"other frame":      {"> {\"type\":\"ping\"}\n\n< {\"type\":\"ok\"}", `line 4: .type is "pong", want "ok"`},
		"wrong order":      {"> both\n< {\"type\":\"ok\",\"seq\":5}", "line 3: "},
		"one of any order": {"> both\n<| {\"type\":\"ok\",\"seq\":5}\n<| {\"type\":\"message\",\"seq\":6}", "line 3: .seq is 5, want 6"},
		"silence":          {"> what?\n< {\"type\":\"ok\"}", "line 3: context deadline exceeded"},
		"other close code": {"> bye\nclosed 4504", "line 3: the server closed the connection with 4503, want 4504"},
		"closed too early": {"> bye\n< {}", "line 3: the server closed"},
		"not closed":       {"> {\"type\":\"ping\"}\nclosed", "line 3: the connection is not closed, received {\"type\":\"pong\"}"},
		"text not binary":  {"> {\"type\":\"ping\"}\n<x 00", "line 3: the frame is text, want binary"},
		"binary not text":  {">x 00ff\n< {}", "line 3: the frame is binary, want text"},
		"other bytes":      {">x 00ff\n<x 02", "line 3: the bytes differ"},
		"other text":       {"A open raw\nA> hello\nA< pain", "line 4: the text differs"},
		"open twice":       {"A open\nA open", `line 3: connection "A" is already open`},
	} {
		err := run(t, newFake(), "chat.v1", c.lines, nil)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

func TestRun_Names(t *testing.T) {
	server := newFake()
	lines := "A open ?room=$room&history=2\nB open ?room=$room\nC open raw ?token=$given"
	if err := run(t, server, "chat.v1 given $given", lines, Vars{"given": "a&b"}); err != nil {
		t.Fatal(err)
	}
	a, b := server.dialed[0], server.dialed[1]
	room, ok := strings.CutPrefix(b, "B chat.v1 room=")
	if !ok || !strings.HasPrefix(room, "room-") || a != "A chat.v1 room="+room+"&history=2" {
		t.Errorf("connected with %q and %q", a, b)
	}
	if c := server.dialed[2]; c != "C raw token=a%26b" {
		t.Errorf("connected with %q", c)
	}
	again := newFake()
	if err := run(t, again, "chat.v1 given $given", lines, Vars{"given": 1}); err != nil {
		t.Fatal(err)
	}
	if again.dialed[1] == b {
		t.Errorf("two runs have the same room: %q", b)
	}
	if err := run(t, newFake(), "chat.v1 given $x", "> $x", nil); err == nil {
		t.Error("a conversation runs without what it must be given")
	}
}

func TestRun_CannotConnect_IsReported(t *testing.T) {
	refused := errors.New("refused")
	dial := func(context.Context, string, string, string) (Conn, error) { return nil, refused }
	list, err := Parse([]byte("```raw\n> hello\n```"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), list[0], dial, nil); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}
