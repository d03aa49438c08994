package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddychat/caddy-chat/chat/internal/feed"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
)

const secretText = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func secret(t testing.TB, text string) Secret {
	t.Helper()
	s, err := ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// event is one event of a body.
type event struct {
	Entry *struct {
		Type, Room, Epoch string
		Seq, Target       uint64
		Recalled          bool
		Body              json.RawMessage
	}
	Gap *struct {
		Room     string
		From, To json.RawMessage
	}
}

// body is what a webhook sends.
type body struct {
	Epoch, From, To string
	Events          []event
}

// receiver records what it gets. It is a server, or a http.RoundTripper.
type receiver struct {
	t       testing.TB
	secrets []Secret

	mu     sync.Mutex
	got    []body
	ids    []string
	times  []time.Time
	bad    []string                         // what the signature was refused for
	answer func(n int, b body) (status int) // of the n-th request, from 1; nil: 200
	heard  chan struct{}                    // has room for one; after each request
	busy   int

	dies atomic.Bool  // at every third request, before it is recorded
	seen atomic.Int64 // requests while it does
}

func newReceiver(t testing.TB) *receiver {
	return &receiver{t: t, secrets: []Secret{secret(t, secretText)}, heard: make(chan struct{}, 1)}
}

// take records a request and returns the status of its answer.
func (r *receiver) take(header http.Header, text []byte) int {
	var b body
	err := json.Unmarshal(text, &b)
	r.mu.Lock()
	defer r.mu.Unlock()
	if bad := Verify(header, text, time.Now(), r.secrets...); bad != nil || err != nil {
		r.bad = append(r.bad, fmt.Sprint(bad, err))
	}
	r.got, r.ids, r.times = append(r.got, b), append(r.ids, header.Get("Webhook-Id")), append(r.times, time.Now())
	select {
	case r.heard <- struct{}{}:
	default:
	}
	if r.answer != nil {
		return r.answer(len(r.got), b)
	}
	return http.StatusOK
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	if r.busy++; r.busy > 1 {
		r.bad = append(r.bad, "two requests at a time")
	}
	r.mu.Unlock()
	text, err := io.ReadAll(req.Body)
	status := 0
	if dies := r.dies.Load() && r.seen.Add(1)%3 == 1; err == nil && !dies {
		status = r.take(req.Header, text)
	}
	r.mu.Lock()
	r.busy--
	r.mu.Unlock()
	if status <= 0 {
		panic(http.ErrAbortHandler) // the connection ends without an answer
	}
	w.WriteHeader(status)
}

// RoundTrip implements http.RoundTripper, for tests whose time is not real.
func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	text, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	status := r.take(req.Header, text)
	if status <= 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: req}, nil
}

// serve serves on this machine and returns the URL.
func (r *receiver) serve() string {
	server := httptest.NewServer(r)
	r.t.Cleanup(server.Close)
	return server.URL
}

// record returns what the receiver has been told of each room, without repeats: numbers,
// in the order in which they came first. A number that comes out of order is an error.
func (r *receiver) record() map[string][]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := map[string][]uint64{}
	for _, b := range r.got {
		for _, e := range b.Events {
			if e.Entry == nil || slices.Contains(list[e.Entry.Room], e.Entry.Seq) {
				continue
			}
			list[e.Entry.Room] = append(list[e.Entry.Room], e.Entry.Seq)
		}
	}
	for room, seqs := range list {
		if !slices.IsSorted(seqs) {
			r.t.Errorf("%s came in another order: %v", room, seqs)
		}
	}
	if r.bad != nil {
		r.t.Errorf("wrong requests: %q", r.bad)
	}
	return list
}

func (r *receiver) set(answer func(n int, b body) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// until waits until done returns true, which is asked after each request.
func (r *receiver) until(what string, done func() bool) {
	r.t.Helper()
	deadline := time.After(30 * time.Second)
	for !done() {
		select {
		case <-r.heard:
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			r.t.Fatalf("%s did not happen", what)
		}
	}
}

// has reports whether the receiver knows everything of a journal's rooms.
func (r *receiver) has(want map[string][]uint64) func() bool {
	return func() bool {
		got := r.record()
		for room := range want {
			if !slices.Equal(got[room], want[room]) {
				return false
			}
		}
		return len(got) == len(want)
	}
}

// journals calls f with each journal.
func journals(t *testing.T, f func(t *testing.T, j journal.Journal)) {
	t.Run("memory", func(t *testing.T) {
		j := memjournal.New(memjournal.Options{})
		defer j.Close()
		f(t, j)
	})
	t.Run("pebble", func(t *testing.T) {
		j, err := pebblejournal.Open(pebblejournal.Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		f(t, j)
	})
}

// say records a message and returns its receipt.
func say(t testing.TB, j journal.Journal, room, text string) journal.Receipt {
	t.Helper()
	return put(t, j, journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: "u1", Name: "Ann"}, Body: fmt.Appendf(nil, "%q", text)})
}

func put(t testing.TB, j journal.Journal, e journal.Entry) (got journal.Receipt) {
	t.Helper()
	done := make(chan error, 1)
	j.Append(context.Background(), e, func(r journal.Receipt, err error) { got = r; done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return got
}

// sending is a sender with what it needs.
type sending struct {
	*Sender
	feed *feed.Feed
	logs *observer.ObservedLogs
	late atomic.Int32 // lines about a trouble that Status had shown before
}

func (s *sending) end() {
	s.Close()
	s.feed.Close()
}

// begin begins to send to a receiver over its transport.
func begin(t testing.TB, j journal.Journal, via http.RoundTripper, hooks ...Hook) *sending {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	f := feed.New(j)
	begun := &sending{feed: f, logs: logs}
	s := NewSender(j, f, zap.New(core, zap.Hooks(func(line zapcore.Entry) error {
		if line.Level > zap.InfoLevel && slices.ContainsFunc(begun.Status(), func(st Status) bool { return st.Parts[0].Failing != "" }) {
			begun.late.Add(1)
		}
		return nil
	})))
	begun.Sender = s
	if via != nil {
		s.via = func(*Hook) http.RoundTripper { return via }
	}
	if err := Check(hooks); err != nil {
		t.Fatal(err)
	}
	s.Configure(hooks)
	return begun
}

// hookTo returns a hook without a wait between requests.
func hookTo(t testing.TB, url string) Hook {
	return Hook{Name: "orders", URL: url, Private: true, Secrets: []Secret{secret(t, secretText)}, Interval: time.Nanosecond}
}

// ready waits until a webhook has its position: what is recorded from then on is sent.
func (s *sending) ready(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		all := true
		for _, st := range s.Status() {
			for _, p := range st.Parts {
				all = all && p.Here
			}
		}
		if all {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no webhook has begun")
		}
	}
}
