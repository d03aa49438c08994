package chat_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// hanging is a journal one of whose methods hangs: until its context ends, if it has
// one, and else until the test is over.
type hanging struct {
	journal.Journal
	method atomic.Pointer[string]
	over   chan struct{}
}

func newHanging() *hanging {
	j := &hanging{Journal: memjournal.New(memjournal.Options{}), over: make(chan struct{})}
	j.method.Store(new(string))
	return j
}

// wait hangs if method does.
func (j *hanging) wait(ctx context.Context, method string) error {
	if hangs := *j.method.Load(); hangs != method && hangs != "each" {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-j.over:
		return journal.ErrClosed
	}
}

func (j *hanging) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if hangs := *j.method.Load(); hangs == "answer" || hangs == "each" {
		return // for ever: Close answers it, but that hangs, too
	}
	if err := j.wait(ctx, "Append"); err != nil {
		done(journal.Receipt{}, err)
		return
	}
	j.Journal.Append(ctx, e, done)
}

func (j *hanging) Follow(room string, after journal.Seq, f journal.Follower) (journal.Start, error) {
	if err := j.wait(context.Background(), "Follow"); err != nil {
		return journal.Start{}, err
	}
	return j.Journal.Follow(room, after, f)
}

func (j *hanging) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	if err := j.wait(ctx, "Read"); err != nil {
		return journal.Page{}, err
	}
	return j.Journal.Read(ctx, q)
}

func (j *hanging) Pages(ctx context.Context, q []journal.Query, bytes int) ([]journal.Page, error) {
	if err := j.wait(ctx, "Pages"); err != nil {
		return nil, err
	}
	return j.Journal.Pages(ctx, q, bytes)
}

func (j *hanging) Feed(ctx context.Context, q journal.FeedQuery) (journal.FeedPage, error) {
	if err := j.wait(ctx, "Feed"); err != nil {
		return journal.FeedPage{}, err
	}
	return j.Journal.Feed(ctx, q)
}

func (j *hanging) Heads(ctx context.Context, rooms []string) ([]journal.Head, error) {
	if err := j.wait(ctx, "Heads"); err != nil {
		return nil, err
	}
	return j.Journal.Heads(ctx, rooms)
}

func (j *hanging) Trim(ctx context.Context, room string, below journal.Seq) error {
	if err := j.wait(ctx, "Trim"); err != nil {
		return err
	}
	return j.Journal.Trim(ctx, room, below)
}

func (j *hanging) Close() error {
	if err := j.wait(context.Background(), "Close"); err != nil {
		return err
	}
	return j.Journal.Close()
}

func (j *hanging) Records() journal.Records { return hangingRecords{j.Journal.Records(), j} }

type hangingRecords struct {
	journal.Records
	j *hanging
}

func (r hangingRecords) Put(ctx context.Context, key string, value []byte) error {
	if err := r.j.wait(ctx, "Put"); err != nil {
		return err
	}
	return r.Records.Put(ctx, key, value)
}

func (r hangingRecords) Update(ctx context.Context, key string, f func([]byte) ([]byte, error)) error {
	if err := r.j.wait(ctx, "Update"); err != nil {
		return err
	}
	return r.Records.Update(ctx, key, f)
}

func (r hangingRecords) Get(ctx context.Context, key string) (journal.Record, error) {
	if err := r.j.wait(ctx, "Get"); err != nil {
		return journal.Record{}, err
	}
	return r.Records.Get(ctx, key)
}

func (r hangingRecords) Scan(ctx context.Context, prefix string, f func(journal.Record) error) error {
	if err := r.j.wait(ctx, "Scan"); err != nil {
		return err
	}
	return r.Records.Scan(ctx, prefix, f)
}

func (r hangingRecords) ScanMany(ctx context.Context, prefixes []string, f func(int, journal.Record) error) error {
	if err := r.j.wait(ctx, "ScanMany"); err != nil {
		return err
	}
	return r.Records.ScanMany(ctx, prefixes, f)
}

func (r hangingRecords) GetMany(ctx context.Context, keys []string) ([]journal.Record, error) {
	if err := r.j.wait(ctx, "GetMany"); err != nil {
		return nil, err
	}
	return r.Records.GetMany(ctx, keys)
}

// request sends a request to a room, and returns the answer's status and body, and how
// long it took.
func (b *bubble) request(method, room string) (status int, body string, took time.Duration) {
	began := time.Now()
	rec := serveMessages(b.handler, newRequest(method, "bo", `{"body":"hi"}`), room)
	return rec.Code, rec.Body.String(), time.Since(began)
}

func newRequest(method, token, body string) *http.Request {
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	return r
}

func serveMessages(h *chat.Handler, r *http.Request, room string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeMessages(rec, r, room)
	return rec
}

// exportEnds exports everything, and tells how that ended.
func (b *bubble) exportEnds() <-chan error {
	ended := make(chan error, 1)
	go func() {
		ended <- b.hub.Export(context.Background(), "tea", "", 0, func([]byte) error { return nil })
	}()
	return ended
}

// Whatever hangs in the journal, everybody is told so within a bound, and Close comes
// to its end: with the goodbye, and what the journal promises.
func TestHub_JournalThatHangs_HoldsNobody(t *testing.T) {
	const told, published = 10 * time.Second, 30 * time.Second
	for _, method := range []string{"Append", "answer", "Follow", "Read", "Pages", "Put", "Update", "Get", "GetMany", "Close"} {
		t.Run(method, func(t *testing.T) {
			var j *hanging
			config := func() chat.Config {
				j = newHanging()
				return chat.Config{Journal: j}
			}
			onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
				defer close(j.over)
				c := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
				c.send(`{"type":"send","id":"0","room":"tea","body":1}`)
				c.next()
				c.next()
				time.Sleep(time.Second) // the mark has moved
				j.method.Store(&method)

				exported := b.exportEnds()
				began := time.Now()
				if err := b.hub.Mute("tea", "x", time.Hour); (err != nil) != (method == "Put") || time.Since(began) > told {
					t.Errorf("mute: %v after %v", err, time.Since(began))
				}
				for _, frame := range []string{
					`{"type":"join","id":"1","room":"new"}`,
					`{"type":"join","id":"1","room":"tea"}`,
					`{"type":"history","id":"1","room":"tea"}`,
					`{"type":"read","id":"1","room":"tea","seq":1}`,
					`{"type":"recall","id":"1","room":"tea","seq":1}`,
					`{"type":"ping","id":"1"}`,
				} {
					began := time.Now()
					c.send(frame)
					if method == "answer" && strings.Contains(frame, "recall") {
						continue // it is not answered before the journal is, but others are
					}
					if got := c.next(); strings.Contains(got, `"error"`) && !strings.Contains(got, `"unavailable"`) {
						t.Errorf("%s: %s", frame, got)
					}
					if took := time.Since(began); took > told {
						t.Errorf("%s took %v", frame, took)
					}
				}
				late := b.connect()
				late.send(`{"type":"hello","token":"bo","rooms":[{"room":"tea"},{"room":"other"}]}`)
				began = time.Now()
				late.expect(`{"type":"welcome","…":"…"}`)
				if took := time.Since(began); took > told {
					t.Errorf("hello took %v", took)
				}
				for _, m := range []string{"GET", "POST"} {
					for _, room := range []string{"tea", "another"} {
						status, body, took := b.request(m, room)
						if status != 200 && status != 201 && status != 503 || took > published {
							t.Errorf("%s %s: %d after %v: %s", m, room, status, took, body)
						}
						if uncertain := strings.Contains(body, `"uncertain":true`); uncertain != (m == "POST" && method == "answer") {
							t.Errorf("%s %s: %s", m, room, body)
						}
					}
				}
				if err := <-exported; (err != nil) != (method == "Read" || method == "GetMany") {
					t.Errorf("export: %v", err)
				}
				began = time.Now()
				err := b.hub.Close(context.Background())
				if took := time.Since(began); took > 11*time.Second {
					t.Errorf("Close took %v", took)
				}
				if hangs := method == "Close" || method == "Follow"; hangs != errors.Is(err, chat.ErrLeftBehind) || !hangs && err != nil {
					t.Errorf("Close: %v", err)
				}
				synctest.Wait()
			})
		})
	}
}
