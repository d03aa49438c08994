package chat_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// measured is a journal that looks at each read: whether it is bounded, and how much it
// takes at once and in all.
type measured struct {
	journal.Journal

	mu        sync.Mutex // guards the rest
	unbounded []journal.Query
	most, sum int
}

func (j *measured) note(pages []journal.Page, bytes int, queries ...journal.Query) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, q := range queries {
		if q.Bytes <= 0 && bytes <= 0 && q.Limit > 1 {
			j.unbounded = append(j.unbounded, q)
		}
	}
	size := 0
	for i := range pages {
		for e := range pages[i].Entries {
			size += pages[i].Entries[e].Size()
		}
	}
	j.most, j.sum = max(j.most, size), j.sum+size
}

func (j *measured) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	page, err := j.Journal.Read(ctx, q)
	j.note([]journal.Page{page}, 0, q)
	return page, err
}

func (j *measured) Pages(ctx context.Context, q []journal.Query, bytes int) ([]journal.Page, error) {
	pages, err := j.Journal.Pages(ctx, q, bytes)
	j.note(pages, bytes, q...)
	return pages, err
}

// taken returns what was read since it was called last.
func (j *measured) taken() (unbounded []journal.Query, most, sum int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	unbounded, most, sum = j.unbounded, j.most, j.sum
	j.unbounded, j.most, j.sum = nil, 0, 0
	return unbounded, most, sum
}

// However much a room holds, each door reads of it no more at once than a page of 128 KiB
// and one entry beyond it, says so in its query, and charges the reader for it.
func TestReading_EachDoor_IsBoundedAndCharged(t *testing.T) {
	const page, entry = 128 << 10, 50_000
	type at struct {
		b     *bubble
		in    *client // in the room
		out   *client // in no room
		epoch string
	}
	ask := func(c *client, format string, args ...any) { c.ask(fmt.Sprintf(format, args...)) }
	for door, c := range map[string]struct {
		most, sum int // bytes that are read at once, and in all
		reads     func(at)
		refused   bool // for somebody who owes; others wait, or say so in another way
	}{
		"raw history": {page + entry, 10*entry + page, func(a at) {
			a.b.query = "token=ann&room=tea&history=4"
			raw := a.b.connectRaw()
			for range 4 {
				raw.any()
			}
			raw.closeNow()
		}, false},
		"hello": {page + entry, page + entry, func(a at) {
			c := a.b.connect()
			ask(c, `{"type":"hello","id":"?","token":"ann","rooms":[{"room":"tea"},{"room":"cake"}]}`)
			c.closeNow()
		}, false},
		"join": {page + entry, page + entry, func(a at) { ask(a.out, `{"type":"join","id":"?","room":"tea"}`) }, false},
		"resume": {page + entry, page + entry, func(a at) {
			ask(a.out, `{"type":"join","id":"?","room":"tea","epoch":%q,"after":3}`, a.epoch)
		}, false},
		"resume with a gap": {page + entry, 2 * (page + entry), func(a at) {
			ask(a.out, `{"type":"join","id":"?","room":"tea","epoch":"another","after":3}`)
		}, false},
		"history":         {page + entry, page + entry, func(a at) { ask(a.out, `{"type":"history","id":"?","room":"tea"}`) }, true},
		"history forward": {page + entry, page + entry, func(a at) { ask(a.out, `{"type":"history","id":"?","room":"tea","after":0}`) }, true},
		"read":            {2 * entry, 3 * entry, func(a at) { ask(a.in, `{"type":"read","id":"?","room":"tea","seq":7}`) }, true},
		"recall":          {2 * entry, 2 * entry, func(a at) { ask(a.in, `{"type":"recall","id":"?","room":"tea","seq":7}`) }, true},
		"edit":            {2 * entry, 2 * entry, func(a at) { ask(a.in, `{"type":"edit","id":"?","room":"tea","seq":7,"body":1}`) }, true},
		"tag":             {2 * entry, 2 * entry, func(a at) { ask(a.in, `{"type":"tag","id":"?","room":"tea","seq":7,"tag":"x","value":true}`) }, true},
		"GET": {page + entry, page + entry, func(a at) {
			if rec := serveMessages(a.b.handler, newRequest(http.MethodGet, "ann", ""), "tea"); rec.Code != 200 {
				a.b.t.Error(rec.Code, rec.Body)
			}
		}, false},
	} {
		t.Run(door, func(t *testing.T) {
			var j *measured
			var b *bubble
			config := func() chat.Config {
				j = &measured{Journal: memjournal.New(memjournal.Options{})}
				return chat.Config{Journal: j, Settings: chat.Settings{ReadBytes: access.Rate{PerSecond: 1000, Burst: 400}}}
			}
			onJournal(t, config, tokens{}, queryOf(&b), func(t *testing.T, it *bubble) {
				b = it
				defer b.close()
				for _, room := range []string{"tea", "cake"} {
					say(t, j, room, numbered(0, 20, entry)...)
				}
				a := at{b: b, epoch: b.epoch("tea")}
				a.in = b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
				a.out = b.connect().hello(`,"token":"ann"`)
				time.Sleep(time.Hour) // what that has cost is paid
				// Up to the burst it is free.
				ask(a.out, `{"type":"history","id":"?","room":"none"}`)
				synctest.Wait()
				j.taken()
				c.reads(a)
				unbounded, most, sum := j.taken()
				if len(unbounded) > 0 {
					t.Errorf("no bound in %+v", unbounded)
				}
				if most > c.most || sum > c.sum {
					t.Errorf("%d bytes are read, and %d at once", sum, most)
				}
				if got := a.out.ask(`{"type":"history","id":"?","room":"none"}`); got != "too_fast" && door != "raw history" {
					t.Errorf("the reader was not charged: %q", got)
				}
				// Whoever owes reads no body until that is paid.
				if c.refused {
					c.reads(a)
					if _, _, sum := j.taken(); sum > 0 {
						t.Errorf("%d bytes are read by somebody who owes", sum)
					}
				}
				for _, c := range []*client{a.in, a.out} {
					c.closeNow()
				}
			})
		})
	}
}

// slow is a journal that takes a second for each read of an entry, and counts those under way.
type slow struct {
	journal.Journal
	now, most atomic.Int64
}

func (j *slow) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	if q.Limit > 0 {
		now := j.now.Add(1)
		for most := j.most.Load(); now > most && !j.most.CompareAndSwap(most, now); most = j.most.Load() {
		}
		time.Sleep(time.Second)
		j.now.Add(-1)
	}
	return j.Journal.Read(ctx, q)
}

// One entry may have max_message, so no more of them are read at a time than all readers may
// hold together.
func TestReading_OneEntry_TakesWhatItCanHave(t *testing.T) {
	for _, frame := range []string{`"read"`, `"recall"`, `"edit","body":1`, `"tag","tag":"x","value":true`, `"history","limit":1`} {
		var j *slow
		var b *bubble
		config := func() chat.Config {
			j = &slow{Journal: memjournal.New(memjournal.Options{})}
			return chat.Config{Journal: j, Settings: chat.Settings{MaxMessage: 8 << 20}}
		}
		onJournal(t, config, tokens{}, queryOf(&b), func(t *testing.T, it *bubble) {
			b = it
			defer b.close()
			say(t, j, "tea", numbered(0, 20, 10)...)
			var clients []*client
			for i := range 12 {
				clients = append(clients, b.connect().hello(fmt.Sprintf(`,"token":"u%d","rooms":[{"room":"tea"}]`, i)))
			}
			j.most.Store(0)
			for _, c := range clients {
				seq := `,"seq":7`
				if strings.Contains(frame, "history") {
					seq = ""
				}
				c.send(`{"type":` + frame + `,"id":"1","room":"tea"` + seq + `}`)
			}
			time.Sleep(time.Minute)
			if n := j.most.Load(); n == 0 || n > 4 {
				t.Errorf("%s: %d entries of 8 MiB were read at a time, want at most 4", frame, n)
			}
			for _, c := range clients {
				c.closeNow()
			}
		})
	}
}
