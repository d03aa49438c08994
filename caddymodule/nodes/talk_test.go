//go:build linux

package nodes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// talker is a session whose frames are read in turn.
type talker struct {
	t    *testing.T
	conn *websocket.Conn

	mu     sync.Mutex // guards the rest
	frames []string
	came   chan struct{} // closed with the next frame
	err    error
}

// dial connects and says hello with more members, like `"device":"d"`.
func dial(t *testing.T, x *node, token string, more ...string) *talker {
	t.Helper()
	k := hello(t, x, token, more...)
	k.until(`"type":"welcome"`)
	return k
}

// hello says hello, which the node may refuse.
func hello(t *testing.T, x *node, token string, more ...string) *talker {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), "ws://"+x.addr+"/chat", &websocket.DialOptions{Subprotocols: []string{"chat.v1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	c.SetReadLimit(8 << 20)
	k := &talker{t: t, conn: c, came: make(chan struct{})}
	go k.read(t.Context())
	k.say(`{` + strings.Join(append([]string{`"type":"hello","id":"hello","token":"` + token + `"`}, more...), ",") + `}`)
	return k
}

func (k *talker) read(ctx context.Context) {
	for {
		_, text, err := k.conn.Read(ctx)
		k.mu.Lock()
		if err == nil {
			k.frames = append(k.frames, string(text))
		}
		k.err = err
		close(k.came)
		k.came = make(chan struct{})
		k.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (k *talker) say(frame string) {
	k.t.Helper()
	if err := k.conn.Write(k.t.Context(), websocket.MessageText, []byte(frame)); err != nil {
		k.t.Fatalf("%s: %v", frame, err)
	}
}

// join joins a room. It needs no answer that is new to the user.
func (k *talker) join(room string) {
	k.t.Helper()
	k.say(fmt.Sprintf(`{"type":"join","id":"join","room":%q}`, room))
	k.until(`"type":"joined"`, fmt.Sprintf(`"room":%q`, room))
}

// until takes frames up to one that contains all parts, and returns that one.
func (k *talker) until(parts ...string) string {
	k.t.Helper()
	deadline := time.After(deadlock)
	var heard []string
	for {
		k.mu.Lock()
		for len(k.frames) > 0 {
			f := k.frames[0]
			k.frames = k.frames[1:]
			heard = append(heard, f)
			if containsAll(f, parts) {
				k.mu.Unlock()
				return f
			}
		}
		came, err := k.came, k.err
		k.mu.Unlock()
		if err != nil {
			k.t.Fatalf("waiting for %q: %v; heard %q", parts, err, heard)
		}
		select {
		case <-came:
		case <-deadline:
			k.t.Fatalf("waiting for %q in vain; heard %q", parts, heard)
		}
	}
}

func containsAll(f string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(f, part) {
			return false
		}
	}
	return true
}

// answer sends a command and returns the answer, which must not be an error.
func (k *talker) answer(command string) (f frame) {
	k.t.Helper()
	var c struct{ Type, ID string }
	if err := json.Unmarshal([]byte(command), &c); err != nil {
		k.t.Fatalf("%s: %v", command, err)
	}
	k.say(command)
	text := k.until(fmt.Sprintf(`"id":%q`, c.ID))
	if err := json.Unmarshal([]byte(text), &f); err != nil || f.Type == "error" {
		k.t.Fatalf("%s: %s %v", command, text, err)
	}
	return f
}
