package chat_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// The process of a node is killed again and again, in the middle of what its users do. Whoever
// comes back with what they had kept has the list that is there.
func TestList_RandomHistories_OfAKilledNode_StayRight(t *testing.T) {
	const kills = 12
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	p := &process{t: t, dir: filepath.Join(t.TempDir(), "store"), readers: "members"}
	p.start()
	random := rand.New(rand.NewPCG(seed, 0))
	h := newHistory(t, random, [2]node{p.node(), p.node()})
	brief := 0 // answers to those who came back that were not the whole list, and not empty
	for kill := range kills {
		for step := range 20 {
			h.step(20*kill + step)
		}
		h.blind = true
		for range 1 + random.IntN(10) {
			h.act(20*kill, random.IntN(22))
		}
		h.blind = false
		time.Sleep(time.Duration(random.IntN(5000)) * time.Microsecond) // into the middle of it
		p.kill()
		for _, l := range h.all {
			l.drain()
		}
		p.start()
		h.nodes = [2]node{p.node(), p.node()}
		for _, l := range h.all {
			if all, rows := l.open(p.url); !all && rows > 0 {
				brief++
			}
		}
		for _, l := range h.all {
			l.check(20*kill + 19)
		}
	}
	if t.Logf("%d lists of what had changed", brief); brief == 0 {
		t.Error("nobody was told only what had changed")
	}
	p.end()
}

// drain applies what has come before the connection broke.
func (l *listing) drain() {
	l.t.Helper()
	for {
		select {
		case frame, ok := <-l.frames:
			if !ok {
				return
			}
			l.apply(frame)
		case <-time.After(20 * time.Second):
			l.t.Fatal("the connection of a process that was killed is still there")
		}
	}
}

// process is a node that can be killed.
type process struct {
	t       *testing.T
	dir     string // of its journal; or the address of its database
	readers string // of groups

	cmd         *exec.Cmd
	stdin       io.Closer
	url, orders string
}

const (
	killedDir     = "CHAT_LIST_DIR"
	killedReaders = "CHAT_LIST_READERS"
)

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0], "-test.run", "^TestList_Process$", "-test.timeout", "5m")
	p.cmd.Env = append(os.Environ(), killedDir+"="+p.dir, killedReaders+"="+p.readers)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	cmd := p.cmd
	p.t.Cleanup(func() { _ = cmd.Process.Kill() }) // it is over, unless the test has failed
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, scanned := fmt.Sscanf(line, "serving %s %s", &p.url, &p.orders); scanned != nil {
		p.t.Fatalf("the process says %q, %v", line, err)
	}
}

// kill ends the process with SIGKILL.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Error(err)
	}
	_ = p.cmd.Wait() // its error says that the process was killed
}

// end lets the process end by itself.
func (p *process) end() {
	p.t.Helper()
	p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		p.t.Error(err)
	}
}

func (p *process) node() node { return node{p.url, p.operate} }

func (p *process) operate(o order) error {
	if o.Readers != "" {
		p.readers = o.Readers
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	res, err := http.Post(p.orders, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, err := io.ReadAll(res.Body)
		return fmt.Errorf("%s: %s, %v", res.Status, text, err)
	}
	return nil
}

// TestList_Process is the process that is killed.
func TestList_Process(t *testing.T) {
	dir := os.Getenv(killedDir)
	if dir == "" {
		t.Skip("the tests of killed nodes run it")
	}
	set := chat.Config{Settings: historySettings(t, os.Getenv(killedReaders))}
	if strings.Contains(dir, "://") {
		store, err := pgjournal.Open(t.Context(), pgjournal.Options{DSN: dir, Schema: "chat", Parts: 2})
		if err != nil {
			t.Fatal(err)
		}
		if set.Journal, err = shared.Open(t.Context(), store, shared.Options{}); err != nil {
			t.Fatal(err)
		}
	} else {
		set.Journal = pebbleIn(t, dir)
	}
	url, hub := serve(t, set, &chat.Handler{Auth: tokens{}})
	orders := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var o order
		err := json.NewDecoder(r.Body).Decode(&o)
		if err == nil {
			err = o.obey(t, hub)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	defer orders.Close()
	fmt.Println("serving", url, orders.URL)
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed, or those who have started it end
}
