package testcaddy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/webhook"
)

// receiverVariable is an environment variable that makes the test binary the receiver of a
// webhook: its value is the address, the pause and the file that it appends to.
const receiverVariable = "CHAT_TEST_RECEIVER"

// HookSecret is the secret of webhooks and checks of tests.
const HookSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// Receiver is the receiver of a webhook in a process of its own. What it has stored stays when
// it is killed and started again.
type Receiver struct {
	Addr  string
	Pause time.Duration // between what it stores and its answer; for the next Start

	t    *testing.T
	file string
	cmd  *exec.Cmd
}

// Delivery is a request that the receiver has stored.
type Delivery struct {
	Path, ID      string    // of the request, and its webhook-id
	Began, Stored time.Time // when it had the head of the request, and when it stored it
	Body          struct {
		Epoch, From, To string
		Events          []struct {
			Entry *DeliveredEntry
			Gap   json.RawMessage
		}
	}
}

// DeliveredEntry is an entry in a Delivery.
type DeliveredEntry struct {
	Type, Room, Epoch, Key string
	Seq                    uint64
}

// NewReceiver returns a receiver that is not started yet. It is killed at the end of the test.
func NewReceiver(t *testing.T) *Receiver {
	t.Helper()
	r := &Receiver{Addr: FreeAddr(t), t: t, file: filepath.Join(t.TempDir(), "log")}
	t.Cleanup(func() {
		if r.cmd != nil {
			r.Kill()
		}
	})
	return r
}

// Start does not wait until it listens.
func (r *Receiver) Start() {
	r.t.Helper()
	r.cmd = exec.Command(os.Args[0])
	r.cmd.Env = append(os.Environ(), receiverVariable+"="+fmt.Sprint(r.Addr, " ", r.Pause, " ", r.file))
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
}

// Kill ends it with SIGKILL.
func (r *Receiver) Kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait() // its error says that the process was killed
	r.cmd = nil
}

// Stored returns what it has stored, in the order in which it did. If it was killed while it
// stored a request, there is a part of that, which is left out.
func (r *Receiver) Stored() (list []*Delivery) {
	r.t.Helper()
	text, err := os.ReadFile(r.file)
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		d := new(Delivery)
		if json.Unmarshal(line, d) == nil {
			list = append(list, d)
		}
	}
	return list
}

// receive stores each request before it answers, as a receiver should, until it is killed.
func receive(to string) error {
	words := strings.SplitN(to, " ", 3)
	addr, file := words[0], words[2]
	pause, err := time.ParseDuration(words[1])
	if err != nil {
		return err
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	secret, err := webhook.ParseSecret(HookSecret)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the sender was killed
		}
		if err := webhook.Verify(r.Header, body, time.Now(), secret); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mu.Lock()
		line, err := json.Marshal(map[string]any{
			"path": r.URL.Path, "id": r.Header.Get("webhook-id"), "began": began, "stored": time.Now(), "body": json.RawMessage(body),
		})
		if err == nil {
			_, err = out.Write(append(append([]byte{'\n'}, line...), '\n')) // behind what a kill left of a line
		}
		mu.Unlock()
		time.Sleep(pause)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
}
