package chat_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// While the journal stands still, each request ends, in about a minute at most: the feed, both erasures,
// and batches of many rooms, too.
func TestHTTP_JournalThatStandsStill_EachRequestHasABound(t *testing.T) {
	requests := map[string]struct{ path, body string }{}
	for row, w := range walked {
		requests[row] = struct{ path, body string }{w.path, w.body}
	}
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf(`{"room":"b%d","body":1}`, i))
	}
	requests["post /messages of many rooms"] = struct{ path, body string }{"/messages", `{"messages":[` + strings.Join(many, ",") + `]}`}
	for name := range requests {
		for hangs, most := range map[string]time.Duration{"each": 70 * time.Second, "answer": 31 * time.Second} {
			t.Run(name+", "+hangs, func(t *testing.T) { standsStill(t, name, requests[name].path, requests[name].body, hangs, most) })
		}
	}
}

func standsStill(t *testing.T, row, at, body, hangs string, most time.Duration) {
	t.Helper()
	every := []string{"*"}
	var j *hanging
	config := func() chat.Config {
		j = newHanging()
		return chat.Config{Journal: struct {
			*hanging
			journal.Lister
		}{j, j.Journal.(journal.Lister)}, Settings: chat.Settings{Policies: chatApp(t), Keys: access.Keys{newKey(t, "all", func(k *access.Key) {
			k.Read, k.Write, k.As, k.Members, k.Moderate, k.Users, k.Feed = every, every, every, every, every, true, true
		})}}}
	}
	onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
		defer close(j.over)
		method, _, _ := strings.Cut(strings.ToUpper(row), " ")
		ask := func() (int, string) {
			path, query, _ := strings.Cut(at, "?")
			r := newRequest(method, keyOf("all"), body)
			r.URL.RawQuery = query
			rec := httptest.NewRecorder()
			b.handler.ServeRequest(rec, r, path)
			return rec.Code, rec.Body.String()
		}
		j.method.Store(&hangs)
		began := time.Now()
		code, answer := ask()
		if took := time.Since(began); took > most || code >= 500 && code != 503 {
			t.Errorf("%d after %v: %s", code, took, answer)
		}
		_ = b.hub.Close(t.Context()) // says that the journal hangs
		synctest.Wait()
	})
}
