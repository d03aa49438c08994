package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// judge is a check that says the same of everything.
type judge struct{ check.Verdict }

func (j judge) Check(context.Context, *check.Question) (check.Verdict, error) { return j.Verdict, nil }

// toldOf returns the events of checks that were written, without their order.
func (b *bubble) toldOf() string {
	b.t.Helper()
	synctest.Wait()
	page, err := b.journal.Feed(b.t.Context(), journal.FeedQuery{Limit: 100})
	b.must(err)
	var events []string
	for i := range page.Entries {
		if e := &page.Entries[i]; e.Kind == journal.Event && strings.Contains(string(e.Body), `"check":`) {
			events = append(events, string(e.Body))
		}
	}
	slices.Sort(events)
	return strings.Join(events, " ")
}

// What a check wants somebody to look at, and what passes without a verdict, is told to those
// who ask for such events: of each act and once, with the number of what was recorded.
func TestChecks_Events(t *testing.T) {
	for typ, verdict := range map[string]check.Verdict{"review": {Kind: check.Review}, "unchecked": {}, "": {Kind: check.Pass}} {
		for _, wanted := range []bool{true, false} {
			t.Run(fmt.Sprintf("%q, wanted %v", typ, wanted), func(t *testing.T) {
				set := chat.Settings{Policies: chatApp(t), Checks: check.Chain{check.New(check.Config{Name: "words", Checker: judge{verdict}, PassOnError: true})}}
				if wanted {
					set.Keys = access.Keys{newKey(t, "k", func(k *access.Key) { k.Feed, k.Read = true, []string{"*"} })}
				}
				inBubble(t, set, nameless{}, func(t *testing.T, b *bubble) {
					ann := b.connect().hello(`,"token":"ann","name":"Ann"`)
					g := ann.create(`"key":"k","title":"Trip","users":["ben"]`)
					if again := ann.create(`"key":"k","title":"Trip","users":["ben"]`); again != g {
						t.Errorf("founded twice: %s, %s", g, again)
					}
					ann.ask(fmt.Sprintf(`{"type":"join","id":"?","room":%q}`, g))
					for _, frame := range []string{
						`{"type":"send","id":"?","key":"s","room":%q,"body":"x"}`, `{"type":"send","id":"?","key":"s","room":%q,"body":"x"}`,
						`{"type":"edit","id":"?","key":"e","room":%q,"seq":2,"body":"y"}`, `{"type":"edit","id":"?","key":"e","room":%q,"seq":2,"body":"y"}`,
						`{"type":"info","id":"?","room":%q,"title":"Choir"}`, `{"type":"member","id":"?","room":%q,"users":["cy"],"role":"member"}`,
						`{"type":"member","id":"?","room":%q,"users":["cy"],"role":"none"}`,
					} {
						if code := ann.ask(fmt.Sprintf(frame, g)); code != "" {
							t.Errorf("%s: %s", frame, code)
						}
						time.Sleep(time.Minute) // after failures it rests
					}
					want := ""
					if wanted && typ != "" {
						want = fmt.Sprintf(`{"type":%q,"check":"words","user":"ann"}`, typ)
						for _, seq := range []int{1, 2, 3, 4, 5} {
							want += fmt.Sprintf(` {"type":%q,"room":%q,"seq":%d,"check":"words"}`, typ, g, seq)
						}
					}
					if got := b.toldOf(); got != want {
						t.Errorf("told of\n%s\nnot\n%s", got, want)
					}
				})
			})
		}
	}
}

// byUser is a check that is slow about what one user says, and notes the devices.
type byUser struct {
	mu      sync.Mutex
	slow    string
	devices map[string]string
}

func (c *byUser) Check(ctx context.Context, q *check.Question) (check.Verdict, error) {
	c.mu.Lock()
	c.devices[q.From.ID] = q.Device
	slow := q.From.ID == c.slow
	c.mu.Unlock()
	if slow {
		<-ctx.Done()
		return check.Verdict{}, ctx.Err()
	}
	return check.Verdict{Kind: check.Pass}, nil
}

// A user whose questions take for ever, in many rooms, takes no place from others. Each
// question has the device as hello names it.
func TestChecks_PlacesAreShared(t *testing.T) {
	c := &byUser{slow: "ann", devices: map[string]string{}}
	set := chat.Settings{Checks: check.Chain{check.New(check.Config{Checker: c, AtOnce: 4})}}
	inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
		var rooms []string
		for i := range 20 {
			rooms = append(rooms, fmt.Sprintf(`{"room":"r%d"}`, i))
		}
		ann := b.connect().hello(`,"token":"ann","device":"phone","rooms":[` + strings.Join(rooms, ",") + `]`)
		ben := b.connect().hello(`,"token":"ben","device":"pad","rooms":[{"room":"tea"}]`)
		for i := range 20 {
			ann.send(fmt.Sprintf(`{"type":"send","id":"%d","room":"r%d","body":"x"}`, i, i))
		}
		synctest.Wait()
		began := time.Now()
		for range 4 {
			ben.send(`{"type":"send","id":"1","room":"tea","body":"x"}`)
			ben.expectAround(`{"type":"ok","id":"1","…":"…"}`, `{"type":"message","…":"…"}`)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if got, err := json.Marshal(c.devices); err != nil || string(got) != `{"ann":"phone","ben":"pad"}` {
			t.Errorf("%s, %v", got, err)
		}
	})
}
