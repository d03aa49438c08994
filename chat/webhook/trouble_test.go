package webhook

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// inBubble calls f with a sender whose time is not real, once the webhook has begun.
func inBubble(t *testing.T, f func(j journal.Journal, r *receiver, s *sending)) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(memjournal.Options{})
		defer j.Close()
		r := newReceiver(t)
		s := begin(t, j, r, hookTo(t, "https://example.com/"))
		defer s.end()
		synctest.Wait()
		f(j, r, s)
		r.record()
	})
}

func (r *receiver) requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

// Whatever the trouble is: after 1 s, 2 s, 4 s … 5 min it is sent again, with the same id
// and the same events, although more has been recorded.
func TestConsumer_Trouble_IsTriedAgain(t *testing.T) {
	for _, status := range []int{-1, 100, 301, 307, 400, 401, 404, 429, 500, 503} {
		inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
			r.set(func(n int, _ body) int {
				if n <= 12 {
					return status
				}
				return http.StatusNoContent
			})
			say(t, j, "tea", "1")
			synctest.Wait()
			say(t, j, "tea", "2")
			time.Sleep(time.Hour)
			synctest.Wait()
			if got := r.record()["tea"]; !slices.Equal(got, []uint64{1, 2}) {
				t.Fatalf("status %d: %v", status, got)
			}
			want := time.Second
			for i := 1; i <= 12; i++ {
				if got := r.times[i].Sub(r.times[i-1]); got != want {
					t.Errorf("status %d: attempt %d came after %v, want %v", status, i+1, got, want)
				}
				if r.ids[i] != r.ids[0] {
					t.Errorf("status %d: attempt %d has the id %s, the first one had %s", status, i+1, r.ids[i], r.ids[0])
				}
				want = min(2*want, 5*time.Minute)
			}
			if st := s.Status()[0]; st.Retried != 12 || st.Delivered != 2 || st.Lag != 0 || st.Parts[0].Failing != "" {
				t.Errorf("%+v", st)
			}
		})
	}
}

// A request has at most 100 events, unless the webhook says otherwise, and goes out when it has
// them or a second after the one before it.
func TestConsumer_Batch_HasItsBounds(t *testing.T) {
	for _, batch := range []int{0, 7, 500} {
		inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
			h := hookTo(t, "https://example.com/")
			h.Batch, h.Interval = batch, 0
			s.Configure([]Hook{h})
			full := cmp.Or(batch, 100)
			synctest.Wait()
			began := time.Now()
			sends := func(n int, want string) {
				t.Helper()
				for range n {
					say(t, j, "tea", "x")
				}
				synctest.Wait()
				var got []string
				r.mu.Lock()
				for i := range r.got {
					got = append(got, fmt.Sprintf("%d after %v", len(r.got[i].Events), r.times[i].Sub(began)))
				}
				r.got, r.times = nil, nil
				r.mu.Unlock()
				if strings.Join(got, ", ") != want {
					t.Errorf("batch %d: %s, want %s", batch, got, want)
				}
			}
			sends(1, "1 after 0s")
			sends(full-1, "")
			sends(1, fmt.Sprint(full, " after 0s"))
			sends(full+1, fmt.Sprint(full, " after 0s"))
			time.Sleep(999 * time.Millisecond)
			sends(0, "")
			time.Sleep(time.Millisecond)
			sends(0, "1 after 1s")
		})
	}
}

// What is imported waits since its import, and what is replayed since then, whenever it was said: it
// raises no alert.
func TestConsumer_Lag_IsNotTheAgeOfWhatIsImported(t *testing.T) {
	inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
		year := 365 * 24 * time.Hour
		lag := func(when string, least, most time.Duration) {
			t.Helper()
			synctest.Wait()
			if got := s.Status()[0].Lag; got < least || got > most {
				t.Errorf("%s: a lag of %v, not of %v to %v", when, got, least, most)
			}
		}
		time.Sleep(time.Hour)
		r.set(func(int, body) int { return 503 })
		var old []journal.Entry
		for n := range 2000 { // several batches
			old = append(old, journal.Entry{Room: "tea", Seq: journal.Seq(n + 1), Kind: journal.Message, From: journal.User{ID: "u1"}, Body: []byte("1"), At: time.Now().Add(-year).UnixMilli()})
		}
		if _, _, err := j.(journal.Restorer).Restore(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		lag("not accepted", 10*time.Minute, 10*time.Minute+2*renewTime)
		r.set(nil)
		time.Sleep(time.Hour)
		lag("accepted", 0, 0)
		r.set(func(int, body) int { return 503 })
		if _, err := s.Replay(t.Context(), "orders", time.Now().Add(-2*year)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		lag("replayed", 10*time.Minute-renewTime, 10*time.Minute+2*renewTime)
	})
}

// While it fails, an operator sees why and how long the oldest event waits.
func TestConsumer_Trouble_IsShown(t *testing.T) {
	inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
		r.set(func(int, body) int { return 503 })
		say(t, j, "tea", "a body")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		st := s.Status()[0]
		if st.Parts[0].Failing != "status 503" || st.Lag < 9*time.Minute || st.Parts[0].Since == 0 || st.Host != "example.com" {
			t.Errorf("%+v", st)
		}
		if n := s.logs.FilterLevelExact(1).Len(); n != 1 {
			t.Errorf("%d warnings of one trouble", n)
		} else if s.late.Load() > 0 {
			t.Error("it was logged after it was shown")
		}
		r.set(nil)
		s.Configure([]Hook{hookTo(t, "https://example.com/")}) // it does not wait for the next attempt
		synctest.Wait()
		if st := s.Status()[0]; st.Delivered != 1 || st.Parts[0].Failing != "" || s.logs.FilterMessageSnippet("again").Len() == 0 {
			t.Errorf("%+v %v", st, s.logs.All())
		}
		for _, line := range s.logs.All() {
			if text := fmt.Sprint(line.Message, line.ContextMap()); strings.Contains(text, "a body") || strings.Contains(text, "whsec_M") {
				t.Errorf("the log has %s", text)
			}
		}
	})
}

// 410 ends it until the configuration is loaded again. Nothing is lost.
func TestConsumer_Gone_StopsUntilTheNextReload(t *testing.T) {
	inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
		r.set(func(n int, _ body) int { return http.StatusGone })
		say(t, j, "tea", "1")
		time.Sleep(24 * time.Hour)
		say(t, j, "tea", "2")
		time.Sleep(24 * time.Hour)
		if n := r.requests(); n != 1 || !s.Status()[0].Parts[0].Stopped {
			t.Fatalf("%d requests, %+v", n, s.Status()[0])
		}
		if s.logs.FilterMessageSnippet("gone for good").Len() != 1 || s.late.Load() > 0 {
			t.Errorf("%d lines late of %v", s.late.Load(), s.logs.All())
		}
		r.set(nil)
		s.Configure([]Hook{hookTo(t, "https://example.com/")})
		synctest.Wait()
		if got := r.record()["tea"]; !slices.Equal(got, []uint64{1, 2}) || s.Status()[0].Parts[0].Stopped {
			t.Errorf("%v %+v", got, s.Status()[0])
		}
	})
}

// A batch that is refused for a day is sent event by event. Those that are still refused are
// skipped, counted and logged, without their bodies; the others arrive.
func TestConsumer_RefusedForADay_IsSkipped(t *testing.T) {
	inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
		r.set(func(_ int, b body) int {
			for _, e := range b.Events {
				if e.Entry != nil && (e.Entry.Seq == 2 || e.Entry.Seq == 4) {
					return http.StatusUnprocessableEntity
				}
			}
			return http.StatusOK
		})
		say(t, j, "tea", "1")
		synctest.Wait()
		h := hookTo(t, "https://example.com/")
		h.Interval = time.Second
		s.Configure([]Hook{h})
		for i := range 4 {
			say(t, j, "tea", fmt.Sprint("body", i))
		}
		time.Sleep(23 * time.Hour)
		if st := s.Status()[0]; st.Skipped > 0 || st.Delivered != 1 {
			t.Errorf("after 23 hours: %+v", st)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if st := s.Status()[0]; st.Skipped != 2 || st.Delivered != 3 || st.Lag != 0 {
			t.Errorf("%+v", st)
		}
		say(t, j, "tea", "6")
		time.Sleep(time.Minute)
		synctest.Wait()
		if last := r.got[len(r.got)-1]; len(last.Events) != 1 || last.Events[0].Entry.Seq != 6 {
			t.Errorf("%+v", last)
		}
		skips := s.logs.FilterMessageSnippet("skipped").FilterField(zapUint("seq", 4))
		if skips.Len() != 1 {
			t.Errorf("%v", s.logs.All())
		}
		for _, line := range s.logs.All() {
			if text := fmt.Sprint(line.Message, line.ContextMap()); strings.Contains(text, "body3") {
				t.Errorf("the log has %s", text)
			}
		}
	})
}

// A day of other trouble, or of too many requests, skips nothing.
func TestConsumer_OtherTroubleForDays_SkipsNothing(t *testing.T) {
	for _, status := range []int{-1, 429, 500} {
		inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
			r.set(func(n int, _ body) int { return status })
			say(t, j, "tea", "1")
			time.Sleep(26 * time.Hour)
			r.set(nil)
			time.Sleep(6 * time.Minute)
			synctest.Wait()
			if st := s.Status()[0]; st.Skipped != 0 || st.Delivered != 1 {
				t.Errorf("status %d: %+v", status, st)
			}
		})
	}
}

// Behind the feed's 72 hours there is a gap, which is reported before what is there.
func TestConsumer_TooFarBehind_ReportsAGap(t *testing.T) {
	inBubble(t, func(j journal.Journal, r *receiver, s *sending) {
		r.set(func(int, body) int { return 500 })
		say(t, j, "tea", "1")
		time.Sleep(73 * time.Hour)
		say(t, j, "tea", "2")
		say(t, j, "tea", "3")
		r.set(nil)
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		var gaps, seqs []string
		for _, b := range r.got[r.requests()-2:] {
			for _, e := range b.Events {
				if e.Gap != nil {
					gaps = append(gaps, fmt.Sprintf("%s %s", e.Gap.From, e.Gap.To))
				} else {
					seqs = append(seqs, fmt.Sprint(e.Entry.Seq))
				}
			}
		}
		epoch := r.got[0].Epoch
		want := fmt.Sprintf(`"%s-0-0" "%[1]s-0-1"`, epoch)
		if !slices.Contains(gaps, want) || seqs[len(seqs)-1] != "3" || seqs[len(seqs)-2] != "2" {
			t.Errorf("gaps %q, want %q; %q", gaps, want, seqs)
		}
	})
}

// What each status means is what docs/webhooks.md says.
func TestAnswer_EachStatus(t *testing.T) {
	text, err := os.ReadFile("../../docs/webhooks.md")
	for _, row := range []string{"\n| 200–299 | the next batch |\n", "\n| 410 | nothing more until", "\n| another 400–499 but 408, 425 and 429 | the batch comes again", "\n| everything else: 408, 425, 429, 500–599, redirects, no answer"} {
		if err != nil || !strings.Contains(string(text), row) {
			t.Errorf("docs/webhooks.md has no row %q (%v)", row, err)
		}
	}
	for status := range 700 {
		accepted := status >= 200 && status <= 299
		refused := status >= 400 && status <= 499 && !slices.Contains([]int{408, 410, 425, 429}, status)
		a := answer{status: status}
		if a.accepted() != accepted || a.gone() != (status == 410) || a.refused() != refused && !a.gone() {
			t.Errorf("%d: accepted %v, gone %v, refused %v", status, a.accepted(), a.gone(), a.refused())
		}
	}
}

// A webhook that is stopped at the node which sends it is said to be stopped at every node, and no node says that
// it goes on again; until the configuration is loaded again there, or that node is gone.
func TestReplay_StoppedAtAnotherNode_IsRefused(t *testing.T) {
	for _, ends := range []string{"by a reload there", "with that node"} {
		t.Run(ends, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memjournal.NewStore(memjournal.Options{})
				one, two := store.Open(), store.Open()
				defer two.Close()
				hook := hookTo(t, "https://example.com/")
				r := newReceiver(t)
				a := begin(t, one, r, hook)
				synctest.Wait()
				b := begin(t, two, r, hook)
				defer b.end()
				r.set(func(int, body) int { return http.StatusGone })
				say(t, two, "tea", "1")
				time.Sleep(time.Second)
				replay := func() error {
					synctest.Wait()
					_, err := b.Replay(t.Context(), hook.Name, time.Now().Add(-time.Hour))
					return err
				}
				if err := replay(); !errors.Is(err, ErrStopped) || !strings.Contains(err.Error(), " at node "+one.Nodes().Self().ID) {
					t.Errorf("at once: %v", err)
				}
				time.Sleep(time.Hour)
				st := b.Status()[0]
				if err := replay(); !errors.Is(err, ErrStopped) || !st.Parts[0].Stopped || !strings.Contains(st.Warning(), "load the configuration again there") {
					t.Errorf("later: %v; %+v", err, st)
				}
				b.Configure([]Hook{hook}) // it is not this node that sends
				if err := replay(); !errors.Is(err, ErrStopped) {
					t.Errorf("after a reload here: %v", err)
				}
				r.set(nil)
				if ends == "with that node" {
					a.end()
					one.Close()
				} else {
					defer one.Close()
					defer a.end()
					a.Configure([]Hook{hook})
				}
				time.Sleep(2 * renewTime)
				synctest.Wait()
				if got := r.record()["tea"]; len(got) != 1 {
					t.Errorf("afterwards came %v", got)
				}
				if err := replay(); err != nil || b.Status()[0].Parts[0].Stopped {
					t.Errorf("afterwards: %v, %+v", err, b.Status()[0])
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if n := r.events(); n < 2 { // once afterwards, and once more
					t.Errorf("it does not go on: %d events came", n)
				}
			})
		})
	}
}
