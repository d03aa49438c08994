package chat_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// late is a journal that answers, and lets rooms follow, only when it is told to.
type late struct {
	journal.Journal
	mu      sync.Mutex // guards the rest
	waiting []func()
	bytes   int
	closed  chan struct{} // the rooms that are new wait for it; nil: none
}

func (j *late) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.bytes += e.Size()
	j.waiting = append(j.waiting, func() { j.Journal.Append(ctx, e, done) })
}

func (j *late) Follow(room string, after journal.Seq, f journal.Follower) (journal.Start, error) {
	if strings.Contains(room, "new") {
		<-j.closed
	}
	return j.Journal.Follow(room, after, f)
}

// takes returns how many bytes wait.
func (j *late) takes() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.bytes
}

func (j *late) answer() {
	j.mu.Lock()
	list := j.waiting
	j.waiting = nil
	j.mu.Unlock()
	for _, f := range list {
		f()
	}
}

// byToken gives each token that a request shows an address of its own.
func byToken(r *http.Request) netip.Addr {
	sum := byte(0)
	for _, c := range []byte(r.Header.Get("Authorization") + r.URL.RawQuery) {
		sum = 31*sum + c
	}
	return netip.AddrFrom4([4]byte{192, 0, sum, 1}) // of networks of their own
}

// What everybody says while the journal hangs is bounded over all, whichever door they
// come by: who says most is refused at once, and others are still heard. Nothing of it
// is left once the journal has answered.
func TestInHand_JournalThatHangs_BoundsWhatWaits(t *testing.T) {
	const limit = 2 << 20 // the quarter of MaxOutboxes
	body := strings.Repeat("x", 60_000)
	post := func(b *bubble, room, token string) (status int, answer string) {
		r := newRequest("POST", token, fmt.Sprintf(`{"body":%q}`, body))
		rec := serveMessages(b.handler, r, room)
		return rec.Code, rec.Body.String()
	}
	for door, say := range map[string]func(b *bubble, user string) (refused bool){
		"POST": func(b *bubble, user string) bool {
			status, answer := post(b, "tea", user)
			return status == 503 && strings.Contains(answer, `"unavailable"`) && !strings.Contains(answer, "uncertain")
		},
		"POST to a room that does not open": func(b *bubble, user string) bool {
			began := time.Now()
			status, answer := post(b, "new", user)
			return status == 503 && strings.Contains(answer, `"unavailable"`) && time.Since(began) == 0
		},
		"send": func(b *bubble, user string) bool {
			c := b.connect().hello(fmt.Sprintf(`,"token":%q,"rooms":[{"room":"tea"}]`, user))
			c.send(fmt.Sprintf(`{"type":"send","id":"1","room":"tea","body":%q}`, body))
			for time.Sleep(time.Second); len(c.frames) > 0; {
				if got := <-c.frames; strings.Contains(got, `"error"`) {
					return strings.Contains(got, `"unavailable"`) && !strings.Contains(got, "uncertain")
				}
			}
			return false
		},
		"raw": func(b *bubble, user string) bool {
			b.query = "room=tea&token=" + user
			c := b.connectRaw()
			if err := c.conn.Write(b.t.Context(), 1, []byte(body)); err != nil {
				b.t.Error(err)
			}
			time.Sleep(time.Second)
			select {
			case <-c.frames:
				return c.ending() == "4002"
			default:
				return false
			}
		},
	} {
		t.Run(door, func(t *testing.T) {
			var j *late
			var b *bubble
			config := func() chat.Config {
				j = &late{Journal: memjournal.New(memjournal.Options{}), closed: make(chan struct{})}
				return chat.Config{Journal: j, Settings: chat.Settings{MaxOutboxes: 4 * limit, MaxText: 100_000, MaxSessions: 100}}
			}
			onJournal(t, config, tokens{}, queryOf(&b), func(t *testing.T, it *bubble) {
				b = it
				b.handler.ClientIP = byToken // of each user
				var mu sync.Mutex
				refused := map[string]int{}
				var saying sync.WaitGroup
				for _, user := range []string{"ann", "ann", "ann", "bo", "li"} {
					for range 8 {
						saying.Go(func() {
							no := say(b, user)
							mu.Lock()
							defer mu.Unlock()
							if no {
								refused[user]++
							}
						})
						synctest.Wait()
					}
				}
				time.Sleep(2 * time.Second)
				if got := j.takes(); got > limit || got < limit/4 && !strings.Contains(door, "open") {
					t.Errorf("%d bytes wait for the journal", got)
				}
				mu.Lock()
				ann, bo, li := refused["ann"], refused["bo"], refused["li"]
				mu.Unlock()
				if ann < 6 || bo == 8 || li == 8 {
					t.Errorf("ann was refused %d times of 24, bo %d and li %d times of 8", ann, bo, li)
				}
				rec := httptest.NewRecorder()
				small := newRequest("POST", "newcomer", `{"body":"hi"}`)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				b.handler.ServeMessages(rec, small.WithContext(ctx), "tea")
				if !strings.Contains(rec.Body.String(), `"uncertain":true`) {
					t.Errorf("who says a little is refused: %s", rec.Body)
				}
				close(j.closed)
				for range 3 {
					synctest.Wait()
					j.answer()
				}
				saying.Wait()
				b.close()
				if bytes, people := b.hub.InHand(); bytes != 0 || people != 0 {
					t.Errorf("left: %d bytes of %d people", bytes, people)
				}
			})
		})
	}
}
