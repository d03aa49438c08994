package events

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// full is a journal that records nothing, or keeps all waiting.
type full struct {
	journal.Journal
	holds chan struct{} // if not nil, nothing is answered before it is closed
}

func (f *full) Append(_ context.Context, _ journal.Entry, done func(journal.Receipt, error)) {
	if f.holds != nil {
		<-f.holds
	}
	done(journal.Receipt{}, fmt.Errorf("%w: the disk is full", journal.ErrUnavailable))
}

func newEvents(t *testing.T, j journal.Journal, log *zap.Logger) *Events {
	w := New(j, log, timing.New(t.Context()))
	w.Configure([]string{Review, Unchecked})
	return w
}

// feedOf returns the events of a journal's feed, as a backend gets them.
func feedOf(t *testing.T, j journal.Journal) (list []string) {
	t.Helper()
	page, err := j.Feed(t.Context(), journal.FeedQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range page.Entries {
		e := &page.Entries[i]
		if _, ok := HeadOf(e); !ok {
			t.Errorf("%+v is no event", e)
		}
		list = append(list, string(AppendMembers(nil, e)))
	}
	return list
}

// What a check says of a message is an event, in the order of the room, if somebody asks for it.
func TestEvents_OfChecks_AreInTheFeed(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	w := newEvents(t, j, zap.NewNop())
	w.Review("team", 46, "wechat")
	w.Unchecked("team", 47, "words")
	w.Configure([]string{Unchecked})
	w.Review("team", 48, "wechat") // nobody asks for it any more
	w.Unchecked("team", 49, "words")
	w.Close()
	w.Review("team", 50, "wechat")
	want := []string{
		`"type":"review","room":"team","seq":46,"check":"wechat"`,
		`"type":"unchecked","room":"team","seq":47,"check":"words"`,
		`"type":"unchecked","room":"team","seq":49,"check":"words"`,
	}
	if got := feedOf(t, j); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q", got)
	}
	if written, dropped := w.Counts(); written != 3 || dropped != 0 {
		t.Errorf("%d written, %d dropped", written, dropped)
	}
}

// What the journal does not take is dropped and counted; it is said once, and nobody waits.
func TestEvents_DiskFull_AreDroppedAndCounted(t *testing.T) {
	core, logged := observer.New(zap.WarnLevel)
	w := newEvents(t, &full{}, zap.New(core))
	for i := range 10 {
		w.Review("team", journal.Seq(i+1), "wechat")
	}
	w.Close()
	if written, dropped := w.Counts(); written != 0 || dropped != 10 || logged.Len() != 1 {
		t.Errorf("%d written, %d dropped, logged %v", written, dropped, logged.All())
	}
}

// While the journal answers nothing, no more than maxBytes wait, and what comes then is told
// so at once.
func TestEvents_JournalHangs_AreBounded(t *testing.T) {
	j := &full{holds: make(chan struct{})}
	w := newEvents(t, j, zap.NewNop())
	refused := 0
	for range 200 {
		w.WriteWith(Event{Type: Review, Room: "team", Check: strings.Repeat("x", 60_000)}, nil, func(err error) {
			if errors.Is(err, journal.ErrUnavailable) {
				refused++
			}
		})
	}
	before := refused
	w.mu.Lock()
	if refused == 0 || w.bytes > maxBytes || w.bytes < maxBytes-61_000 {
		t.Errorf("%d were refused of 200, %d bytes wait", refused, w.bytes)
	}
	w.mu.Unlock()
	close(j.holds)
	w.Close()
	if w.bytes != 0 || refused != 200 || before > 100 {
		t.Errorf("%d bytes are left; %d were refused at once, and %d in the end", w.bytes, before, refused)
	}
}

// No event is taken for what it is not.
func TestHeadOf_OtherEntries_AreNone(t *testing.T) {
	for name, e := range map[string]journal.Entry{
		"a message":      {Room: "@hub-1", Kind: journal.Message, Body: []byte(`{"type":"review"}`)},
		"another room":   {Room: "team", Kind: journal.Event, Body: []byte(`{"type":"review"}`)},
		"no JSON":        {Room: "@hub-1", Kind: journal.Event, Body: []byte(`{"type":"review"`)},
		"without a body": {Room: "@hub-1", Kind: journal.Event},
		"another type":   {Room: "@hub-1", Kind: journal.Event, Body: []byte(`{"type":"message"}`)},
	} {
		if h, ok := HeadOf(&e); ok {
			t.Errorf("%s is %+v", name, h)
		}
	}
}
