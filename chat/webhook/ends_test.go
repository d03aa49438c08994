package webhook

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// A batch is skipped when it was refused for a day without another answer in between. No answer at
// all says nothing.
func TestConsumer_RefusedForADay_CountsFromTheLastOtherAnswer(t *testing.T) {
	for between, skipped := range map[int]uint64{500: 0, 429: 0, -1: 1} {
		inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
			began := time.Now()
			r.set(func(int, body) int {
				if at := time.Since(began); at > 12*time.Hour && at < 13*time.Hour {
					return between
				}
				return http.StatusBadRequest
			})
			say(t, j, "tea", "1")
			time.Sleep(26 * time.Hour)
			synctest.Wait()
			if st := s.Status()[0]; st.Skipped != skipped {
				t.Errorf("with %d in between: %+v", between, st)
			}
			time.Sleep(12 * time.Hour)
			synctest.Wait()
			if st := s.Status()[0]; st.Skipped != 1 {
				t.Errorf("with %d in between, a day later: %+v", between, st)
			}
		})
	}
}

// The day of one batch is not that of the next: what is refused begins its own.
func TestConsumer_Refused_EachBatchHasItsDay(t *testing.T) {
	inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
		began := time.Now()
		r.set(func(int, body) int {
			if at := time.Since(began); at > 20*time.Hour && at < 21*time.Hour {
				return http.StatusOK
			}
			return http.StatusBadRequest
		})
		say(t, j, "tea", "1")
		time.Sleep(22 * time.Hour)
		say(t, j, "tea", "2")
		time.Sleep(23 * time.Hour)
		synctest.Wait()
		if st := s.Status()[0]; st.Skipped != 0 || st.Delivered != 1 {
			t.Errorf("after 23 hours: %+v", st)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if st := s.Status()[0]; st.Skipped != 1 {
			t.Errorf("after a day: %+v", st)
		}
	})
}

// A batch that was not accepted is sent again when its time has come, however seldom requests go
// out otherwise.
func TestConsumer_Trouble_WaitsForNoInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(memjournal.Options{})
		defer j.Close()
		h := hookTo(t, "https://example.com/")
		h.Interval = MaxInterval
		r := newReceiver(t)
		r.set(func(n int, _ body) int {
			if n < 3 {
				return 503
			}
			return http.StatusOK
		})
		s := begin(t, j, r, h)
		defer s.end()
		synctest.Wait()
		say(t, j, "tea", "1")
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(r.times) != 3 || r.times[1].Sub(r.times[0]) != time.Second || r.times[2].Sub(r.times[1]) != 2*time.Second {
			t.Errorf("it was tried at %v", r.times)
		}
	})
}

// After a reload it tries at once, and then after 1 s, 2 s and so on, as with a receiver that has
// just begun to fail.
func TestConsumer_Trouble_AReloadBeginsAnew(t *testing.T) {
	inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
		r.set(func(int, body) int { return 503 })
		say(t, j, "tea", "1")
		time.Sleep(time.Hour)
		synctest.Wait()
		had := r.requests()
		s.Configure([]Hook{hookTo(t, "https://example.com/")})
		at := time.Now()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		var got []time.Duration
		for _, x := range r.times[had:] {
			got = append(got, x.Sub(at))
		}
		if !slices.Equal(got, []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second}) {
			t.Errorf("after the reload it was tried after %v", got)
		}
	})
}

// What is recorded at the moment of a reload is sent at once as well.
func TestConsumer_Reload_DelaysNothing(t *testing.T) {
	inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
		for n := range uint64(300) {
			s.Configure([]Hook{hookTo(t, "https://example.com/")})
			say(t, j, "tea", "x")
			time.Sleep(time.Millisecond)
			synctest.Wait()
			if st := s.Status()[0]; st.Delivered != n+1 {
				t.Fatalf("event %d waits: %+v", n+1, st)
			}
		}
	})
}

// slow is a receiver that takes as long as it may for every other request.
type slow struct{ *receiver }

func (s slow) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	if s.busy++; s.busy > 1 {
		s.bad = append(s.bad, "two requests at a time")
	}
	takes := time.Duration(len(s.got)%2) * (requestTime - time.Second)
	s.mu.Unlock()
	time.Sleep(takes)
	s.mu.Lock()
	s.busy--
	s.mu.Unlock()
	return s.receiver.RoundTrip(req)
}

// A node that waits for more events before each request, and whose receiver is as slow as it may
// be, keeps its lease all the time: the other node never sends.
func TestSender_SlowReceiver_KeepsTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memjournal.NewStore(memjournal.Options{})
		one, two := store.Open(), store.Open()
		defer one.Close()
		defer two.Close()
		r := newReceiver(t)
		hook := hookTo(t, "https://example.com/")
		hook.Interval = MaxInterval
		a := begin(t, one, slow{r}, hook)
		defer a.end()
		synctest.Wait()
		b := begin(t, two, slow{r}, hook)
		defer b.end()
		var want []uint64
		for range 120 {
			want = append(want, uint64(say(t, one, "tea", "x").Seq))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := r.record()["tea"]; !slices.Equal(got, want) || r.events() != len(want) {
			t.Errorf("%d events came, and %v", r.events(), got)
		}
		if n := b.Status()[0].Requests; n > 0 {
			t.Errorf("the other node has sent %d requests", n)
		}
	})
}

// What the receiver accepts while the webhook is taken out of the configuration, or the server
// ends, does not come again; and it is nobody's failure.
func TestSender_EndsDuringARequest(t *testing.T) {
	inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
		hook := hookTo(t, "https://example.com/")
		r.set(func(n int, _ body) int {
			if n == 1 {
				s.Configure(nil)
			}
			return http.StatusOK
		})
		say(t, j, "tea", "1")
		synctest.Wait()
		s.Configure([]Hook{hook})
		say(t, j, "tea", "2")
		synctest.Wait()
		if got := r.record()["tea"]; !slices.Equal(got, []uint64{1, 2}) || r.events() != 2 {
			t.Errorf("%d events came, and %v", r.events(), got)
		}
		s.via = func(*Hook) http.RoundTripper { return silent{} }
		s.Configure([]Hook{hook})
		say(t, j, "tea", "3")
		time.Sleep(time.Second)
		synctest.Wait()
		if st := s.Status()[0]; st.Requests != 2 || st.Delivered != 1 {
			t.Errorf("no request is under way: %+v", st)
		}
		s.Configure(nil)
		synctest.Wait()
		for _, e := range s.logs.All() {
			if e.Level >= zap.WarnLevel {
				t.Errorf("the log has %s", e.Message)
			}
		}
	})
}
