package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/feed"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

var errDead = errors.New("this process is dead")

// dying is a journal as a process sees it that is killed at one of its calls: before it, or
// when the journal has done what it was asked.
type dying struct {
	journal.Journal
	left atomic.Int64 // calls
	late bool
}

func (d *dying) Records() journal.Records { return dyingRecords{d.Journal.Records(), d} }

// call does what a call does, unless the process is dead.
func (d *dying) call(f func() error) error {
	left := d.left.Add(-1)
	if left < 0 || left == 0 && !d.late {
		return errDead
	}
	err := f()
	if left == 0 {
		return errDead
	}
	return err
}

func (d *dying) Feed(ctx context.Context, q journal.FeedQuery) (page journal.FeedPage, err error) {
	err = d.call(func() (err error) { page, err = d.Journal.Feed(ctx, q); return err })
	return page, err
}

type dyingRecords struct {
	journal.Records
	of *dying
}

func (d dyingRecords) Get(ctx context.Context, key string) (r journal.Record, err error) {
	err = d.of.call(func() (err error) { r, err = d.Records.Get(ctx, key); return err })
	return r, err
}

func (d dyingRecords) Update(ctx context.Context, key string, f func([]byte) ([]byte, error)) error {
	return d.of.call(func() error { return d.Records.Update(ctx, key, f) })
}

// Both ends are killed at each step: this one at each call of its journal, before and behind
// it; the receiver before it stores a request and before it answers. What the receiver has
// stored, without repeats, is the journal, room by room.
func TestSender_KilledAtEachStep_LosesNothing(t *testing.T) {
	journals(t, func(t *testing.T, j journal.Journal) {
		r := newReceiver(t)
		h := hookTo(t, r.serve())
		h.Batch = 3
		first := begin(t, j, nil, h)
		first.ready(t)
		first.end()
		want := map[string][]uint64{}
		for step := range int64(24) {
			for i := range 4 {
				room := fmt.Sprint("room", i%3)
				want[room] = append(want[room], uint64(say(t, j, room, "hi").Seq))
			}
			d := &dying{Journal: j, late: step%2 == 1}
			d.left.Store(step/2 + 1)
			r.set(func(n int, _ body) int {
				if n%3 == 0 {
					return -1 // it was stored, and the answer never comes
				}
				return 200
			})
			r.dies.Store(true)
			s := begin(t, d, nil, h)
			for d.left.Load() > 0 {
				time.Sleep(time.Millisecond)
				if s.Status()[0].Parts[0].Failing != "" {
					break // it waits to try again: it is killed while it does
				}
			}
			d.left.Store(-1)
			s.end()
		}
		r.set(nil)
		r.dies.Store(false)
		s := begin(t, j, nil, h)
		defer s.end()
		r.until("the rest", r.has(want))
	})
}

// Of two nodes one sends, and each event once. A node that hangs keeps the lease for as long
// as docs/webhooks.md says, and one that has died for no time.
func TestSender_AnotherNode_TakesOver(t *testing.T) {
	for _, alive := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			store := memjournal.NewStore(memjournal.Options{})
			one, two := store.Open(), store.Open()
			defer two.Close()
			hook := hookTo(t, "https://example.com/")
			r := newReceiver(t)
			d := &dying{Journal: one}
			d.left.Store(1 << 40)
			a := begin(t, d, r, hook)
			synctest.Wait()
			say(t, two, "tea", "1")
			synctest.Wait()
			b := begin(t, two, r, hook)
			defer b.end()
			time.Sleep(time.Minute)
			if st := b.Status()[0].Parts[0]; st.Here || st.Node != one.Nodes().Self().ID {
				t.Fatalf("two nodes send: %+v", st)
			}
			for i := range 20 {
				say(t, []journal.Journal{one, two}[i%2], "tea", "more")
				time.Sleep(time.Second)
			}
			synctest.Wait()
			if n := r.events(); n != 21 {
				t.Errorf("alive %v: 21 events came %d times", alive, n)
			}
			before := r.requests()
			d.left.Store(0) // it does nothing more, and gives nothing back
			a.end()
			if !alive {
				one.Close()
			} else {
				defer one.Close()
			}
			killed := time.Now()
			say(t, two, "tea", "2")
			for r.requests() == before && time.Since(killed) < time.Hour {
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
			}
			most := leaseTime + renewTime
			if !alive {
				most = renewTime
			}
			if took := time.Since(killed); took > most+time.Second {
				t.Errorf("alive %v: the other node took over after %v", alive, took)
			}
			if got := r.record()["tea"]; len(got) != 22 || r.events() != 22 {
				t.Errorf("alive %v: %d events came, and %v", alive, r.events(), got)
			}
		})
	}
	text, err := os.ReadFile("../../docs/webhooks.md")
	if want := fmt.Sprintf("within %d seconds", (leaseTime+renewTime)/time.Second); err != nil || !strings.Contains(string(text), want) {
		t.Errorf("docs/webhooks.md does not say %q, %v", want, err)
	}
}

// events returns how many events the receiver has been told of, repeats included.
func (r *receiver) events() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.got {
		n += len(b.Events)
	}
	return n
}

// BenchmarkSender sends 1,000 events a second to a receiver on this machine. It reports what one
// costs of processor time beside being recorded, at this end and at a receiver that only reads;
// and then, since looking costs too, how long the oldest event that was not accepted yet waits,
// looked at every 10 ms while events come, and at most, also for those that come last and wait
// for more.
func BenchmarkSender(b *testing.B) {
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
	}))
	defer receiver.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	record := func(each func()) time.Duration {
		before := processorTime()
		for i := range b.N {
			if i%10 == 0 {
				<-tick.C
				each()
			}
			say(b, j, "tea", "a message of the usual length, which has some sixty letters")
		}
		return processorTime() - before
	}
	alone := record(func() {})
	f := feed.New(j)
	defer f.Close()
	s := NewSender(j, f, zap.NewNop())
	defer s.Close()
	s.Configure([]Hook{{Name: "orders", URL: receiver.URL, Private: true, Secrets: []Secret{secret(b, secretText)}}})
	(&sending{Sender: s}).ready(b)
	var lags []time.Duration
	look := func() { lags = append(lags, s.Status()[0].Lag) }
	cost := record(func() {}) - alone
	record(look)
	during := slices.Sorted(slices.Values(lags))
	for s.Status()[0].Delivered < 2*uint64(b.N) {
		time.Sleep(time.Millisecond)
		look()
	}
	b.ReportMetric(float64(cost.Microseconds())/float64(b.N), "cpu-µs/event")
	b.ReportMetric(float64(during[len(during)/2].Milliseconds()), "lag-p50-ms")
	b.ReportMetric(float64(during[len(during)*99/100].Milliseconds()), "lag-p99-ms")
	b.ReportMetric(float64(slices.Max(lags).Milliseconds()), "lag-ms")
	b.ReportMetric(2*float64(b.N)/float64(s.Status()[0].Requests), "events/request")
}
