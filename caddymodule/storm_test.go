package caddymodule_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/coder/websocket"
	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// TestStorm lets clients of every kind join, send, stop reading, leave and disconnect in
// the middle of a frame, over every carrier. Meanwhile it kicks some of them and reloads
// the configuration all the time, and finally stops Caddy. The well-behaved clients must
// receive everything, once and in order. At the end no session, room, hub, goroutine or
// file descriptor may be left. Run it with -race.
func TestStorm(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	t.Run("first", func(t *testing.T) { newStorm(t, seed).run(1) }) // Caddy allocates some things once and keeps them
	settle(t, "goroutines of ours", 0, ourGoroutines)
	goroutines, descriptors := allGoroutines(), openDescriptors()
	t.Run("second", func(t *testing.T) { newStorm(t, seed+1).run(60) })
	settle(t, "goroutines of ours", 0, ourGoroutines)
	settle(t, "goroutines", goroutines, allGoroutines)
	settle(t, "descriptors", descriptors, openDescriptors)
}

const stormClients = 12

type storm struct {
	t        *testing.T
	site     *testcaddy.Site
	admin    string
	seed     uint64
	carriers []carrier
	loads    int // owned by the goroutine that reloads

	client *http.Client // of the admin API
}

func newStorm(t *testing.T, seed uint64) *storm {
	s := &storm{t: t, seed: seed, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	s.site, s.admin = testcaddy.StartAdmin(t, s.directives())
	s.carriers = []carrier{overH1(s.site), overPlain(s.site)}
	for _, c := range streamCarriers(s.site) {
		s.carriers = append(s.carriers, c)
	}
	return s
}

// directives returns a configuration that differs with each load.
func (s *storm) directives() string {
	s.loads++
	return fmt.Sprintf("header X-Load %d\nchat {\nmax_connections_per_ip 1000\nmax_message %d\nping_interval %ds\ncompression %s\n%s}",
		s.loads, 4096+s.loads, 4+s.loads%3, []string{"on", "off"}[s.loads%2], testcaddy.FastLimits)
}

// run lets each client connect that many times while the configuration changes, and
// then until Caddy has stopped.
func (s *storm) run(lives int) {
	// Caddy refuses some connections during a reload, so those that must not fail are
	// made before.
	var pairs [][2]*websocket.Conn
	for i, c := range s.carriers {
		uri := fmt.Sprintf("/chat?room=quiet-%d", i)
		pairs = append(pairs, [2]*websocket.Conn{c.dial(s.t, uri), c.dial(s.t, uri)})
	}
	s.reloading(func() {
		var talks, clients sync.WaitGroup
		over := make(chan struct{})
		for i, pair := range pairs {
			talks.Go(func() { s.sendInTurns(fmt.Sprintf("quiet-%d", i), pair, over) })
		}
		for i := range stormClients {
			clients.Go(func() {
				r := rand.New(rand.NewPCG(s.seed, uint64(i)))
				for range lives {
					s.live(s.t.Context(), r)
				}
			})
		}
		clients.Wait()
		close(over)
		talks.Wait()
	})
	if lives > 1 && s.loads < 3 {
		s.t.Error("there was no reload")
	}
	s.nobodyIsLeft()
	s.stop()
	s.site.NoErrors()
}

// reloading calls f while it reloads the configuration and kicks sessions.
func (s *storm) reloading(f func()) {
	over := make(chan struct{})
	kicked := 0
	var changes sync.WaitGroup
	changes.Go(func() {
		r := rand.New(rand.NewPCG(s.seed, stormClients))
		for {
			select {
			case <-over:
				return
			default:
			}
			if err := s.site.TryLoad(s.directives()); err != nil {
				s.t.Errorf("reload: %v", err)
			}
			for tries := 0; tries < 10; tries++ {
				if s.kick(r) {
					kicked++
					break
				}
			}
		}
	})
	f()
	close(over)
	changes.Wait()
	s.t.Logf("%d configurations, %d kicked", s.loads, kicked)
}

// stop stops Caddy while all clients are active.
func (s *storm) stop() {
	ctx, cancel := context.WithCancel(s.t.Context())
	var clients, begun sync.WaitGroup
	begun.Add(stormClients)
	for i := range stormClients {
		clients.Go(func() {
			r := rand.New(rand.NewPCG(s.seed, uint64(1000+i)))
			s.live(ctx, r)
			begun.Done()
			for ctx.Err() == nil {
				s.live(ctx, r)
			}
		})
	}
	begun.Wait()
	start := time.Now()
	if err := caddy.Stop(); err != nil {
		s.t.Errorf("stop: %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		s.t.Errorf("stopping took %v", took)
	}
	cancel()
	clients.Wait()
}

// sendInTurns makes two clients send in turn: each must receive all that the other sends. Both read all the time, because
// who does not read answers no ping.
func (s *storm) sendInTurns(room string, pair [2]*websocket.Conn, over chan struct{}) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var heard [2]chan string
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	for i, conn := range pair {
		heard[i] = make(chan string, 1) // they send in turn
		defer conn.CloseNow()
		reading.Go(func() {
			defer close(heard[i])
			for {
				_, text, err := conn.Read(ctx)
				if err != nil {
					if websocket.CloseStatus(err) != websocket.StatusNormalClosure {
						s.t.Errorf("%s: %v", room, err)
					}
					return
				}
				select {
				case heard[i] <- string(text):
				case <-ctx.Done(): // more came than was said
					return
				}
			}
		})
	}
	n := 0
	for last := false; !last; n++ {
		select {
		case <-over:
			last = true
		default:
		}
		said := fmt.Sprint(n)
		if err := pair[n%2].Write(ctx, websocket.MessageText, []byte(said)); err != nil {
			s.t.Errorf("%s says %s: %v", room, said, err)
			return
		}
		if text := <-heard[1-n%2]; text != said {
			s.t.Errorf("%s hears %q, want %s", room, text, said)
			return
		}
	}
	for i := range pair {
		if err := pair[i].Close(websocket.StatusNormalClosure, ""); err != nil {
			s.t.Errorf("%s leaves: %v", room, err)
		}
	}
	s.t.Logf("%s: %d messages", room, n)
}

// live is one connection of a client, from the handshake to its end. Errors are
// expected: the client may be kicked, be disconnected or find no server.
func (s *storm) live(ctx context.Context, r *rand.Rand) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	room := fmt.Sprintf("storm-%d", r.IntN(3))
	c, v1 := s.carriers[r.IntN(len(s.carriers))], r.IntN(2) == 0
	header := http.Header{}
	if v1 {
		header.Set("Sec-Websocket-Protocol", "chat.v1")
	}
	if r.IntN(3) == 0 {
		header.Set("Sec-Websocket-Extensions", "permessage-deflate")
	}
	conn, res, err := c(ctx, "/chat?history=5&room="+room, header)
	if err != nil {
		return
	}
	if conn == nil {
		res.Body.Close()
		return
	}
	var reading sync.WaitGroup
	if r.IntN(4) > 0 { // else it does not read
		reading.Go(func() { io.Copy(io.Discard, conn) }) // ends with conn
	}
	defer reading.Wait()
	defer conn.Close()
	if conn.SetWriteDeadline(time.Now().Add(5*time.Second)) != nil || !s.speak(conn, r, room, v1) {
		return
	}
	if r.IntN(20) == 0 { // stays until it is kicked, or is disconnected because it answers no ping
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		reading.Wait()
	}
	s.die(conn, r)
}

// speak sends some frames and reports whether all could be written.
func (s *storm) speak(conn net.Conn, r *rand.Rand, room string, v1 bool) bool {
	say := func(text string) bool {
		_, err := conn.Write(clientFrame(ws.OpText, true, 0, []byte(text)))
		return err == nil
	}
	if v1 && !say(`{"type":"hello","rooms":[{"room":"`+room+`"}]}`) {
		return false
	}
	for i := range r.IntN(20) {
		text := strings.Repeat("x", r.IntN(3000))
		if v1 {
			text = []string{
				`{"type":"send","id":"s","room":"` + room + `","body":"` + text + `"}`,
				`{"type":"join","id":"j","room":"storm-0"}`,
				`{"type":"leave","room":"storm-0"}`,
				`{"type":"typing","room":"` + room + `"}`,
				`{"type":"history","id":"h","room":"` + room + `"}`,
			}[i%5]
		}
		if !say(text) {
			return false
		}
	}
	return true
}

func (s *storm) die(conn net.Conn, r *rand.Rand) {
	frame := clientFrame(ws.OpText, true, 0, make([]byte, 500))
	switch r.IntN(5) {
	case 0: // in the middle of a frame
		_, _ = conn.Write(frame[:r.IntN(len(frame))])
	case 1: // with an invalid frame
		_, _ = conn.Write([]byte{0xff, 0xff, 0xff})
	case 2: // with a close frame
		_, _ = conn.Write(clientFrame(ws.OpClose, true, 0, ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))
	case 3: // by a reset of the connection; Close always resets a stream
		if h1, ok := conn.(*h1Stream); ok {
			_ = h1.tcp.SetLinger(0)
		}
	}
}

// kick ends a random session of the storm, and reports whether it found one.
func (s *storm) kick(r *rand.Rand) bool {
	hub := s.admin + "/chat/hubs/default"
	var list struct{ Sessions []struct{ ID string } }
	if s.ask("GET", fmt.Sprintf("%s/sessions?room=storm-%d", hub, r.IntN(3)), &list) != nil || len(list.Sessions) == 0 {
		return false
	}
	return s.ask("DELETE", hub+"/sessions/"+list.Sessions[r.IntN(len(list.Sessions))].ID, nil) == nil
}

func (s *storm) ask(method, url string, to any) error {
	req, err := http.NewRequestWithContext(s.t.Context(), method, url, nil)
	if err != nil {
		return err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if to == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(to)
}

// nobodyIsLeft fails unless the hub, which still runs, becomes empty.
func (s *storm) nobodyIsLeft() {
	s.t.Helper()
	var seen string
	defer func() {
		if s.t.Failed() {
			s.t.Log(seen)
		}
	}()
	testcaddy.Eventually(s.t, "an empty hub", func() bool {
		res, err := s.client.Get(s.admin + "/metrics")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		seen = string(text)
		for _, gauge := range []string{"connections", "sessions", "parked_connections", "rooms", "outbox_bytes"} {
			if err != nil || !strings.Contains(seen, "\ncaddy_chat_"+gauge+"{hub=\"default\"} 0\n") {
				return false
			}
		}
		return true
	})
}

// ourGoroutines counts the goroutines that run code of this project or of Pebble.
func ourGoroutines() int {
	n := 0
	for stack := range strings.SplitSeq(stacks(), "\n\n") {
		if strings.Contains(stack, "caddy-chat/chat") || strings.Contains(stack, "caddy-chat/caddymodule.") || strings.Contains(stack, "caddy-chat/caddymodule/admin.") ||
			strings.Contains(stack, "cockroachdb/pebble") {
			n++
		}
	}
	return n
}

// allGoroutines counts all goroutines except those of Caddy's log files, which never
// end.
func allGoroutines() int {
	n := 0
	for stack := range strings.SplitSeq(stacks(), "\n\n") {
		if !strings.Contains(stack, "timberjack") {
			n++
		}
	}
	return n
}

func stacks() string {
	buf := make([]byte, 16<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// openDescriptors counts all file descriptors except those of Caddy's logs, which stay
// open. On systems that don't list descriptors it returns 0.
func openDescriptors() int {
	const dir = "/proc/self/fd"
	list, _ := os.ReadDir(dir)
	n := 0
	for _, fd := range list {
		target, _ := os.Readlink(filepath.Join(dir, fd.Name()))
		switch filepath.Base(strings.TrimSuffix(target, " (deleted)")) {
		case "log", "access":
		default:
			n++
		}
	}
	return n
}

// settle fails unless count falls to want soon: some goroutines and descriptors end
// shortly after their owner.
func settle(t *testing.T, what string, want int, count func() int) {
	t.Helper()
	got, settled := 0, false
	defer func() {
		if !settled {
			t.Logf("%d %s, %d before\n%s", got, what, want, stacks())
		}
	}()
	testcaddy.Eventually(t, what+" as many as before", func() bool {
		got = count()
		return got <= want
	})
	settled = true
}
