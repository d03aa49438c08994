package caddymodule_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// clients is the number of clients in TestShutdown_OfAProcess. With 20,000 descriptors
// one process can serve some 19,800:
//
//	go test -run Shutdown_OfAProcess -v ./caddymodule -clients 19000
var clients = flag.Int("clients", 500, "clients of TestShutdown_OfAProcess")

// maxShutdown is how long a server may take to end, whatever its clients do.
const maxShutdown = 5 * time.Second

// A process that gets SIGTERM ends soon although most clients never answer. The clients
// that read are told when to come back, each at another time. Every message that was
// acknowledged is recorded after the restart.
func TestShutdown_OfAProcess(t *testing.T) {
	p := testcaddy.NewProcess(t, fmt.Sprintf("chat {\nmax_connections %[1]d\nmax_connections_per_ip %[1]d\n%[2]s}",
		*clients+1000, strings.Replace(testcaddy.FastLimits, "{", fmt.Sprintf("{\ngreeting %d", *clients+1000), 1)))
	p.Start()
	mutes := make([]net.Conn, *clients)
	var opening sync.WaitGroup
	for worker := range 8 {
		opening.Go(func() {
			for i := worker; i < len(mutes); i += 8 {
				mutes[i] = mute(t, p.Addr, i)
			}
		})
	}
	opening.Wait()
	if t.Failed() {
		return
	}
	talkers := make([]*parting, 20)
	var talking sync.WaitGroup
	for i := range talkers {
		talkers[i] = newParting(t, p.Addr, i)
		talking.Go(talkers[i].sendInTurn)
	}
	for _, c := range talkers {
		<-c.heard // at least one message of each is recorded
	}

	start := time.Now()
	if err := p.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := p.Cmd.Wait()
	took := time.Since(start)
	p.Cmd = nil
	if err != nil {
		t.Errorf("ended by %v\n%s", err, p.Log.String())
	}
	t.Logf("%d clients that never answer, and %d that do: %v", len(mutes), len(talkers), took.Round(time.Millisecond))
	if took > maxShutdown {
		t.Errorf("took %v", took)
	}
	talking.Wait()
	for _, c := range mutes {
		c.Close()
	}
	spread := map[int64]bool{}
	for _, c := range talkers {
		c.check(t, max(time.Second, time.Duration(*clients+len(talkers))*time.Millisecond))
		spread[c.retry] = true
	}
	if len(spread) < len(talkers)*3/4 {
		t.Errorf("%d clients come back at only %d different times", len(talkers), len(spread))
	}
	p.Start()
	for i, c := range talkers {
		c.checkRecorded(t, p, i)
	}
}

// A process ends soon although requests have bodies that never come whole, also those that
// nobody wants.
func TestShutdown_BodiesThatNeverCome(t *testing.T) {
	for _, line := range []string{
		"POST /chat/rooms/x/y", "POST /chat/rooms/x/messages", "POST /chat/login", "POST /chat", "GET /chat/health", "PUT /chat/rooms/x",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			p := testcaddy.NewProcess(t, "chat")
			p.Start()
			silent, trickles := beginBody(t, p.Addr, line), beginBody(t, p.Addr, line)
			defer silent.Close()
			defer trickles.Close()
			go func() {
				for _, err := trickles.Write([]byte(" ")); err == nil; _, err = trickles.Write([]byte(" ")) {
					time.Sleep(100 * time.Millisecond) // as slow clients do; nothing waits for it
				}
			}()
			var api any
			for range 3 { // later connections are served, so those two are
				p.Get("/chat/openapi.json", &api)
			}
			start, cmd := time.Now(), p.Cmd
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			defer time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
			err := p.Cmd.Wait()
			p.Cmd = nil
			if took := time.Since(start); err != nil || took > maxShutdown {
				t.Errorf("ended after %v by %v\n%s", took, err, p.Log.String())
			}
		})
	}
}

// beginBody sends a request, and one byte of the thousand of its body.
func beginBody(t *testing.T, addr, line string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", line, addr); err != nil {
		t.Fatal(err)
	}
	return c
}

// mute connects and never reads anything after the handshake.
func mute(t *testing.T, addr string, i int) net.Conn {
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%200))}
	c, err := (&net.Dialer{LocalAddr: from}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Errorf("client %d: %v", i, err)
		return nil
	}
	_, err = fmt.Fprintf(c, "GET /chat?room=mute-%d HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", i%100, addr)
	if err == nil {
		var res *http.Response
		if res, err = http.ReadResponse(bufio.NewReaderSize(c, 512), nil); err == nil && res.StatusCode != http.StatusSwitchingProtocols {
			err = fmt.Errorf("status %s", res.Status)
		}
	}
	if err != nil {
		t.Errorf("client %d: %v", i, err)
	}
	return c
}

// parting is a client that sends until the server says goodbye.
type parting struct {
	conn  *websocket.Conn
	room  string
	heard chan struct{} // closed when a message has been recorded

	// May be read once sendInTurn has returned.
	recorded []int64 // the numbers of the acknowledged messages
	code     string
	retry    int64
	end      error
}

func newParting(t *testing.T, addr string, i int) *parting {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), "ws://"+addr+"/chat", &websocket.DialOptions{Subprotocols: []string{"chat.v1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	c := &parting{conn: conn, room: fmt.Sprintf("talk-%d", i), heard: make(chan struct{})}
	testcaddy.Say(t, conn, `{"type":"hello","rooms":[{"room":"`+c.room+`"}]}`)
	testcaddy.Hears(t, conn, `"welcome"`)
	return c
}

// sendInTurn sends one message after the other, each when the last one is acknowledged.
func (c *parting) sendInTurn() {
	ctx := context.Background()
	said := 0
	next := func() bool {
		said++
		c.end = c.conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"send","id":"%d","room":%q,"body":"%d"}`, said, c.room, said))
		return c.end == nil
	}
	for going := next(); ; {
		var text []byte
		if _, text, c.end = c.conn.Read(ctx); c.end != nil {
			return
		}
		var f struct {
			Type, Code string
			Seq, Retry int64
		}
		if c.end = json.Unmarshal(text, &f); c.end != nil {
			return
		}
		switch f.Type {
		case "ok":
			if c.recorded = append(c.recorded, f.Seq); len(c.recorded) == 1 {
				close(c.heard)
			}
			going = going && next()
		case "bye":
			c.code, c.retry, going = f.Code, f.Retry, false
		}
	}
}

// check checks the goodbye that the client received.
func (c *parting) check(t *testing.T, longest time.Duration) {
	t.Helper()
	if c.code != "shutdown" || websocket.CloseStatus(c.end) != websocket.StatusGoingAway {
		t.Errorf("%s was told %q and ended by %v", c.room, c.code, c.end)
	}
	if c.retry < 1 || c.retry > (longest+2*time.Second).Milliseconds() {
		t.Errorf("%s is to come back after %d ms", c.room, c.retry)
	}
}

// checkRecorded checks that all acknowledged messages are recorded.
func (c *parting) checkRecorded(t *testing.T, p *testcaddy.Process, i int) {
	t.Helper()
	again := newParting(t, p.Addr, i)
	testcaddy.Say(t, again.conn, fmt.Sprintf(`{"type":"history","id":"h","room":%q,"limit":1}`, c.room))
	var history struct{ Entries []struct{ Seq int64 } }
	if err := json.Unmarshal([]byte(testcaddy.Until(t, again.conn, `"history"`)), &history); err != nil {
		t.Fatal(err)
	}
	if last := c.recorded[len(c.recorded)-1]; len(history.Entries) != 1 || history.Entries[0].Seq < last {
		t.Errorf("%s: %d was acknowledged, and %+v are the newest recorded entries", c.room, last, history.Entries)
	}
}
