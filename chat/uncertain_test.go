package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// answering is a journal that answers with an error, if it is set, what it has recorded
// all the same.
type answering struct {
	journal.Journal
	err error
}

func (j *answering) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	err := j.err
	j.Journal.Append(ctx, e, func(r journal.Receipt, fault error) {
		if err != nil {
			r, fault = journal.Receipt{}, err
		}
		done(r, fault)
	})
}

// What the journal does not know, nobody is told as certain, at any door; and the same
// key tells. What it has certainly not recorded is told as before.
func TestDoors_Uncertain_IsSaid(t *testing.T) {
	for _, err := range []error{journal.ErrUncertain, journal.ErrUnavailable} {
		t.Run(err.Error(), func(t *testing.T) {
			j := &answering{}
			config := func() chat.Config {
				j.Journal = memjournal.New(memjournal.Options{})
				return chat.Config{Journal: j}
			}
			onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
				defer b.close()
				more := map[bool]string{true: `,"uncertain":true`, false: ``}[err == journal.ErrUncertain]
				c, raw := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`), b.connectRaw()
				say := `{"type":"send","id":"1","room":"tea","key":"k","body":1}`
				j.err = fmt.Errorf("a test wants it: %w", err)
				c.send(say)
				c.expect(`{"type":"error","id":"1","code":"unavailable","message":"…","retry":2000`+more+`}`, `{"type":"message","seq":1,"…":"…"}`)
				c.send(`{"type":"recall","id":"2","room":"tea","seq":1}`)
				c.expect(`{"type":"error","id":"2","code":"unavailable","message":"…","retry":2000`+more+`}`, `{"type":"recalled","…":"…"}`)

				status, body, _ := b.request("POST", "tea")
				if status != 503 || strings.Contains(body, `"uncertain":true`) != (more != "") {
					t.Errorf("POST: %d %s", status, body)
				}
				var told *wire.Error
				_, fault := b.hub.Announce(t.Context(), "tea", []byte("1"))
				if !errors.As(fault, &told) || told.Code != wire.Unavailable || told.Uncertain != (more != "") {
					t.Errorf("announce: %v", fault)
				}
				if err := raw.conn.Write(t.Context(), websocket.MessageText, []byte("hi")); err != nil {
					t.Error(err)
				}
				raw.closed(4002)

				synctest.Wait() // what was said so far is on its way to c
				j.err = nil
				c.send(say)
				c.expect(`{"type":"message","seq":3,"…":"…"}`, `{"type":"notice","…":"…"}`)
				c.expect(`{"type":"ok","id":"1","room":"tea","seq":1,"at":"…","duplicate":true}`)
			})
		})
	}
}

// reporting is a journal that says how it is, and can be maintained.
type reporting struct {
	*memjournal.Journal
	fault  error
	refuse bool // what is appended or put
}

func (j *reporting) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if j.refuse {
		done(journal.Receipt{}, fmt.Errorf("%w: %w", journal.ErrUnavailable, j.fault))
		return
	}
	j.Journal.Append(ctx, e, done)
}

func (j *reporting) Records() journal.Records { return refusingRecords{j.Journal.Records(), j} }

type refusingRecords struct {
	journal.Records
	j *reporting
}

func (r refusingRecords) Put(ctx context.Context, key string, value []byte) error {
	if r.j.refuse {
		return fmt.Errorf("%w: %w", journal.ErrUnavailable, r.j.fault)
	}
	return r.Records.Put(ctx, key, value)
}

func (j *reporting) Unavailable() error { return j.fault }
func (j *reporting) Warnings() []string { return []string{"12 entries are missing"} }
func (j *reporting) Stats() journal.Stats {
	return journal.Stats{Damaged: 7, Lost: 12}
}

func (j *reporting) Compact(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func (j *reporting) Backup(ctx context.Context, _ string) error { return j.Compact(ctx) }

// What the journal says of itself reaches whoever looks after the hub; and its upkeep
// ends with the request and with the hub.
func TestHub_JournalReports_AndIsMaintained(t *testing.T) {
	j := &reporting{}
	config := func() chat.Config {
		j.Journal = memjournal.New(memjournal.Options{})
		return chat.Config{Journal: j}
	}
	onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
		if w := b.hub.Warnings(); !slices.Equal(w, []string{"12 entries are missing"}) {
			t.Errorf("warnings %q", w)
		}
		if s := b.hub.Stats().Journal; s.Damaged != 7 || s.Lost != 12 {
			t.Errorf("stats %+v", s)
		}
		if err := b.hub.Health(); err != nil {
			t.Errorf("warnings make it unhealthy: %v", err)
		}
		j.fault = errors.New("disk is full")
		if err := b.hub.Health(); !errors.Is(err, journal.ErrUnavailable) || !errors.Is(err, j.fault) {
			t.Errorf("health: %v", err)
		}
		j.refuse = true
		_, announced := b.hub.Announce(t.Context(), "tea", []byte(`"hi"`))
		for what, err := range map[string]error{"announce": announced, "ban": b.hub.Ban("", "evil", time.Minute)} {
			if !errors.Is(err, j.fault) {
				t.Errorf("%s does not name the cause: %v", what, err)
			}
		}
		upkeep := map[string]func(context.Context) error{
			"backup":  func(ctx context.Context) error { return b.hub.Backup(ctx, "x") },
			"compact": b.hub.Compact,
		}
		ended := make(chan error, 2)
		for what, run := range upkeep {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := run(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", what, err)
			}
			cancel()
			go func() { ended <- run(context.Background()) }()
		}
		synctest.Wait()
		b.close()
		for range upkeep {
			if err := <-ended; !errors.Is(err, chat.ErrHubClosed) {
				t.Errorf("ended with %v when the hub closed", err)
			}
		}
	})
	hub, err := chat.NewHub(chat.Config{Journal: struct{ journal.Journal }{memjournal.New(memjournal.Options{})}})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{hub.Backup(t.Context(), "x"), hub.Compact(t.Context())} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Error(err)
		}
	}
	if w := hub.Warnings(); len(w) > 0 {
		t.Errorf("warnings %q", w)
	}
	if err := hub.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
