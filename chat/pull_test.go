package chat_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/feed"
)

// pulled asks for events. Of each it returns the room and the number, and of a gap the bounds.
func pulled(t *testing.T, base, key, query string) (to string, events []string) {
	t.Helper()
	status, answer, _ := call(t, "GET", base+"/feed?"+query, keyOf(key), "")
	for status == 429 { // another request was faster
		status, answer, _ = call(t, "GET", base+"/feed?"+query, keyOf(key), "")
	}
	if status != 200 {
		t.Fatalf("%s: %d %v", query, status, answer)
	}
	for _, e := range answer["events"].([]any) {
		e := e.(map[string]any)
		if gap, ok := e["gap"].(map[string]any); ok {
			events = append(events, fmt.Sprint("gap ", gap["room"], " ", gap["from"], " ", gap["to"]))
			continue
		}
		entry := e["entry"].(map[string]any)
		events = append(events, fmt.Sprint(entry["room"], " ", entry["seq"]))
	}
	return answer["to"].(string), events
}

func hears(rooms ...string) func(*access.Key) {
	return func(k *access.Key) { k.Feed, k.Read = true, rooms }
}

// A key with the scope feed gets what is recorded in the rooms that it may read, each event
// once if it goes on where it was, from the oldest or from now on.
func TestFeed_Pull_GoesOnWhereItWas(t *testing.T) {
	for name, open := range journals {
		t.Run(name, func(t *testing.T) {
			base := apiURL(t, open(t), newKey(t, "k", hears("a-*")), newKey(t, "w", func(k *access.Key) { k.Write = []string{"*"} }))
			say := func(room string) {
				t.Helper()
				if status, answer, _ := call(t, "POST", base+"/rooms/"+url.PathEscape(room)+"/messages", keyOf("w"), `{"body":"hi"}`); status != 201 {
					t.Fatal(status, answer)
				}
			}
			start, events := pulled(t, base, "k", "")
			if len(events) > 0 {
				t.Errorf("%q, and nothing was said", events)
			}
			for _, room := range []string{"a-1", "b-1", "a-2", "a-1"} {
				say(room)
			}
			now, events := pulled(t, base, "k", "after=now")
			if len(events) > 0 {
				t.Errorf("%q were said before", events)
			}
			at, got := start, []string(nil)
			for range 3 {
				at, events = pulled(t, base, "k", "limit=1&after="+url.QueryEscape(at))
				got = append(got, events...)
			}
			if want := []string{"a-1 1", "a-2 1", "a-1 2"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			if _, events = pulled(t, base, "k", ""); !slices.Equal(events, got) {
				t.Errorf("from the oldest: %q", events)
			}
			if _, events = pulled(t, base, "k", "after="+url.QueryEscape(now)); len(events) > 0 {
				t.Errorf("behind now: %q", events)
			}
			other := "zzz" + at[strings.Index(at, "-"):]
			if _, events = pulled(t, base, "k", "after="+url.QueryEscape(other)); len(events) != 4 || !strings.HasPrefix(events[0], "gap <nil> zzz") {
				t.Errorf("behind a position of another epoch: %q", events)
			}
		})
	}
}

// What is no request for events is refused in words.
func TestFeed_Pull_RefusesWhatIsNoPosition(t *testing.T) {
	base := apiURL(t, journals["memory"](t), newKey(t, "k", hears("*")), newKey(t, "r", func(k *access.Key) { k.Read = []string{"*"} }))
	for query, c := range map[string]struct {
		token  string
		status int
		words  string
	}{
		"after=yesterday":              {keyOf("k"), 400, "the position"},
		"after=a-b-c":                  {keyOf("k"), 400, "the position"},
		"after=" + long(2049) + "-0-1": {keyOf("k"), 400, "the position"},
		"after=now&after=now":          {keyOf("k"), 400, "each parameter once"},
		"after=":                       {keyOf("k"), 400, "the position"},
		"events=":                      {keyOf("k"), 400, "there are no events"},
		"events=message,":              {keyOf("k"), 400, "there are no events"},
		"limit=0":                      {keyOf("k"), 400, "1 to 1000"},
		"limit=1001":                   {keyOf("k"), 400, "1 to 1000"},
		"wait=60001":                   {keyOf("k"), 400, "0 to 60000"},
		"wait=1&wait=2":                {keyOf("k"), 400, "once"},
		"wait=-1":                      {keyOf("k"), 400, "0 to 60000"},
		"rooms=a":                      {keyOf("k"), 400, "no such parameter"},
		"":                             {keyOf("r"), 403, "scope feed"},
		"limit=1":                      {"u1", 403, "only a key"},
	} {
		status, answer, _ := call(t, "GET", base+"/feed?"+query, c.token, "")
		if detail, _ := answer["detail"].(string); status != c.status || !strings.Contains(detail, c.words) {
			t.Errorf("%.40s: %d %v, want %d %s", query, status, answer, c.status, c.words)
		}
	}
}

func long(n int) string { return strings.Repeat("x", n) }

// waiting lets a key wait for events as often as it may, and returns what each gets.
func waiting(t *testing.T, base, key string) <-chan []string {
	t.Helper()
	at, _ := pulled(t, base, key, "after=now")
	answers := make(chan []string, feed.MaxPulls)
	for range feed.MaxPulls {
		go func() {
			_, events := pulled(t, base, key, "wait=60000&after="+url.QueryEscape(at))
			answers <- events
		}()
	}
	for range 10_000 { // which are answered at once until all places are taken
		status, answer, header := call(t, "GET", base+"/feed?wait=0&after=now", keyOf(key), "")
		if status == 429 {
			if header.Get("Retry-After") != "1" || !strings.Contains(answer["detail"].(string), "under way") {
				t.Errorf("%v %v", answer, header)
			}
			return answers
		}
	}
	t.Fatal("no request is refused")
	return nil
}

// Who waits is answered by the first event, and only so many wait for one key; another key
// has its own.
func TestFeed_Pull_WaitsForAnEvent(t *testing.T) {
	base := apiURL(t, journals["pebble"](t), newKey(t, "k", hears("tea")), newKey(t, "other", hears("*")), newKey(t, "w", func(k *access.Key) { k.Write = []string{"*"} }))
	answers := waiting(t, base, "k")
	pulled(t, base, "other", "after=now")
	for _, room := range []string{"cup", "tea"} {
		if status, _, _ := call(t, "POST", base+"/rooms/"+room+"/messages", keyOf("w"), `{"body":"hi"}`); status != 201 {
			t.Fatal(status)
		}
	}
	for range feed.MaxPulls {
		if got := <-answers; !slices.Equal(got, []string{"tea 1"}) {
			t.Errorf("%q", got)
		}
	}
	began := time.Now()
	if _, events := pulled(t, base, "k", "after=now&wait=50"); len(events) > 0 || time.Since(began) < 50*time.Millisecond {
		t.Errorf("%q after %v", events, time.Since(began))
	}
}

// Nobody who waits holds up the end of a hub.
func TestFeed_Pull_EndsWithTheHub(t *testing.T) {
	base, hub := apiHub(t, journals["memory"](t), newKey(t, "k", hears("*")))
	answers := waiting(t, base, "k")
	began := time.Now()
	hub.Leave()
	for range feed.MaxPulls {
		if got := <-answers; len(got) > 0 {
			t.Errorf("%q", got)
		}
	}
	pulled(t, base, "k", "after=now&wait=60000") // nobody waits any more
	if took := time.Since(began); took > 45*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A reader that goes away gives its place back at once.
func TestFeed_Pull_EndsWithItsClient(t *testing.T) {
	base := apiURL(t, journals["memory"](t), newKey(t, "k", hears("*")))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var waiting sync.WaitGroup
	for range feed.MaxPulls {
		waiting.Go(func() {
			for ctx.Err() == nil { // one may be refused because of the request that looks
				r, err := http.NewRequestWithContext(ctx, "GET", base+"/feed?after=now&wait=60000", nil)
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Authorization", "Bearer "+keyOf("k"))
				if res, err := http.DefaultClient.Do(r); err == nil {
					res.Body.Close()
				}
			}
		})
	}
	full := false
	for range 10_000 {
		if status, _, _ := call(t, "GET", base+"/feed?after=now", keyOf("k"), ""); status == 429 {
			full = true
			break
		}
	}
	if !full {
		t.Fatal("no request is refused")
	}
	began := time.Now()
	cancel()
	waiting.Wait()
	pulled(t, base, "k", "after=now")
	if took := time.Since(began); took > 45*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A key whose scopes a reload has taken away hears nothing more, not even while it waits.
func TestFeed_Pull_ByTheScopesOfNow(t *testing.T) {
	base, hub := apiHub(t, journals["memory"](t), newKey(t, "k", hears("*")), newKey(t, "w", func(k *access.Key) { k.Write = []string{"*"} }))
	answers := waiting(t, base, "k")
	set := hub.Settings()
	set.Keys = access.Keys{newKey(t, "k", hears("cup")), set.Keys[1]}
	hub.Configure(set)
	for _, room := range []string{"tea", "cup"} {
		if status, _, _ := call(t, "POST", base+"/rooms/"+room+"/messages", keyOf("w"), `{"body":"hi"}`); status != 201 {
			t.Fatal(status)
		}
	}
	for range feed.MaxPulls {
		if got := <-answers; !slices.Equal(got, []string{"cup 1"}) {
			t.Errorf("%q", got)
		}
	}
}

// A key that loses feed while its request waits is told of nothing more by it.
func TestFeed_Pull_EndsWithTheScopeFeed(t *testing.T) {
	reads := func(k *access.Key) { k.Read = []string{"*"} }
	base, hub := apiHub(t, journals["memory"](t), newKey(t, "k", hears("*")), newKey(t, "w", func(k *access.Key) { k.Write = []string{"*"} }))
	answers := waiting(t, base, "k")
	set := hub.Settings()
	set.Keys = access.Keys{newKey(t, "k", reads), set.Keys[1]}
	hub.Configure(set)
	if status, _, _ := call(t, "POST", base+"/rooms/tea/messages", keyOf("w"), `{"body":"hi"}`); status != 201 {
		t.Fatal(status)
	}
	set.Keys = access.Keys{newKey(t, "k", hears("*")), set.Keys[1]}
	hub.Configure(set)
	call(t, "POST", base+"/rooms/cup/messages", keyOf("w"), `{"body":"hi"}`)
	for range feed.MaxPulls {
		if got := <-answers; slices.Contains(got, "tea 1") && !slices.Contains(got, "cup 1") {
			t.Errorf("%q", got)
		}
	}
}
