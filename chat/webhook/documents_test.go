package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The receivers of docs/webhooks.md are run as they stand there. They take what is genuine,
// once, and refuse what is forged or old.
func TestDocuments_Receivers(t *testing.T) {
	text, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		language, file string
		command        []string
		prints         bool
	}{
		{"mjs", "receiver.mjs", []string{"node"}, true},
		{"go", "main.go", []string{"go", "run"}, true},
		{"php", "receiver.php", []string{"php", "-S", "127.0.0.1:$PORT"}, false},
	} {
		t.Run(c.language, func(t *testing.T) {
			if _, err := exec.LookPath(c.command[0]); err != nil {
				t.Fatal(err)
			}
			m := regexp.MustCompile("(?s)```" + c.language + "\n(.*?)```").FindSubmatch(text)
			if m == nil {
				t.Fatal("docs/webhooks.md has no such receiver")
			}
			file := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(file, m[1], 0o600); err != nil {
				t.Fatal(err)
			}
			r := run(t, append(c.command, file))
			r.play(t)
			if c.prints {
				want := "message tea 1\nmessage tea 2\nlost {\"room\":\"tea\",\"from\":3,\"to\":4}\nnotice tea 5\n" +
					"lost {\"room\":\"tea\",\"from\":3,\"to\":4}\n"
				for end := time.Now().Add(10 * time.Second); r.output() != want && time.Now().Before(end); {
					time.Sleep(10 * time.Millisecond) // the last line comes through a pipe
				}
				if got := r.output(); got != want {
					t.Errorf("it printed\n%s\nwant\n%s", got, want)
				}
				if !t.Failed() {
					r.playTogether(t, len(want))
				}
			}
		})
	}
}

// program is a receiver that runs.
type program struct {
	url string

	mu   sync.Mutex
	text bytes.Buffer
}

func (p *program) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(text)
}

func (p *program) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// freePort returns a port that nobody listens on. It is below those that the system gives to
// clients: a client, such as one of another package's tests, could take one of those before
// the program listens.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		port := strconv.Itoa(10_000 + rand.IntN(10_000))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			l.Close()
			return port
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
	}
}

// run starts a program and waits until it listens.
func run(t *testing.T, command []string) *program {
	t.Helper()
	port := freePort(t)
	p := &program{url: "http://127.0.0.1:" + port + "/"}
	for i := range command {
		command[i] = strings.ReplaceAll(command[i], "$PORT", port)
	}
	cmd := exec.Command(command[0], command[1:]...)
	// CGO_ENABLED as make builds Caddy, or go run would compile the standard library once more.
	cmd.Env = append(os.Environ(), "PORT="+port, "CHAT_HOOK_SECRET="+secretText, "CGO_ENABLED=0")
	cmd.Stdout = p
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { killGroup(cmd); <-ended })
	for {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
			return p
		}
		select {
		case <-ended:
			t.Fatalf("%q has ended", command)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// playTogether sends requests about different rooms at the same time, each twice: each event is
// printed once. Of what the program has printed, some was there before.
func (p *program) playTogether(t *testing.T, before int) {
	const rooms, batches, events = 8, 4, 1000
	var sending sync.WaitGroup
	for room := range rooms {
		sending.Go(func() {
			for batch := range 2 * batches {
				var list []string
				for i := range events {
					list = append(list, fmt.Sprintf(`{"entry":{"type":"message","room":"room%d","seq":%d}}`, room, batch/2*events+i+1))
				}
				p.send(t, `{"epoch":"k","from":"k-0-0","to":"k-0-1","events":[`+strings.Join(list, ",")+`]}`)
			}
		})
	}
	sending.Wait()
	lines := func() []string { return strings.Split(strings.TrimSpace(p.output()[before:]), "\n") }
	for end := time.Now().Add(10 * time.Second); len(lines()) < rooms*batches*events && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond) // the last line comes through a pipe
	}
	seen := map[string]bool{}
	for _, line := range lines() {
		seen[line] = true
	}
	if n := len(lines()); n != rooms*batches*events || len(seen) != n {
		t.Errorf("it printed %d lines, %d of them different, want %d", n, len(seen), rooms*batches*events)
	}
}

// send sends a signed request.
func (p *program) send(t *testing.T, body string) {
	req, err := http.NewRequest("POST", p.url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	Sign(req.Header, "orders.a.b", time.Now(), []byte(body), []Secret{secret(t, secretText)})
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		t.Errorf("status %d", res.StatusCode)
	}
}

// play sends requests of all kinds and looks at the answers.
func (p *program) play(t *testing.T) {
	key, other := secret(t, secretText), secret(t, "whsec_"+strings.Repeat("QUJD", 8))
	entry := func(kind string, seq int) string {
		return fmt.Sprintf(`{"entry":{"type":%q,"room":"tea","seq":%d}}`, kind, seq)
	}
	one := `{"epoch":"k","from":"k-0-0","to":"k-0-2","events":[` + entry("message", 1) + `,` + entry("message", 2) + `]}`
	two := `{"epoch":"k","from":"k-0-2","to":"k-0-5","events":[{"gap":{"room":"tea","from":3,"to":4}},` + entry("notice", 5) + `]}`
	for i, c := range []struct {
		body, sent string
		at         time.Duration
		keys       []Secret
		want       int
	}{
		{one, "", 0, []Secret{key}, 204},
		{one, "", 0, []Secret{other, key}, 204},         // a repeat, during a change of secrets
		{two, one, 0, []Secret{key}, 401},               // another body
		{two, "", 0, []Secret{other}, 401},              // another secret
		{two, "", -6 * time.Minute, []Secret{key}, 401}, // old
		{two, "", 6 * time.Minute, []Secret{key}, 401},  // of the future
		{two, "", 0, nil, 401},                          // no signature
		{two, "", 0, []Secret{key}, 204},
		{two, "", -4 * time.Minute, []Secret{key}, 204},
	} {
		req, err := http.NewRequest("POST", p.url, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		signed := c.body
		if c.sent != "" {
			signed = c.sent
		}
		Sign(req.Header, "orders.a.b", time.Now().Add(c.at), []byte(signed), c.keys)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("request %d: status %d, want %d", i, res.StatusCode, c.want)
		}
	}
}
