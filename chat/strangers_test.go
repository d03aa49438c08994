package chat_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// counted is a journal that notes what it is asked for.
type counted struct {
	journal.Journal
	mu    sync.Mutex // guards asked
	asked []string
}

func (j *counted) note(what string, of ...string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked = append(j.asked, fmt.Sprintf("%s %q", what, of))
}

// take returns what was asked for since the last call.
func (j *counted) take() (asked []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	asked, j.asked = j.asked, nil
	return asked
}

func (j *counted) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	j.note("read", q.Room)
	return j.Journal.Read(ctx, q)
}

func (j *counted) Pages(ctx context.Context, q []journal.Query, bytes int) ([]journal.Page, error) {
	for i := range q {
		j.note("page", q[i].Room)
	}
	return j.Journal.Pages(ctx, q, bytes)
}

func (j *counted) Heads(ctx context.Context, rooms []string) ([]journal.Head, error) {
	j.note("heads", rooms...)
	return j.Journal.Heads(ctx, rooms)
}

func (j *counted) Records() journal.Records { return countedRecords{j.Journal.Records(), j} }

type countedRecords struct {
	journal.Records
	j *counted
}

func (r countedRecords) Get(ctx context.Context, key string) (journal.Record, error) {
	r.j.note("get", key)
	return r.Records.Get(ctx, key)
}

func (r countedRecords) GetMany(ctx context.Context, keys []string) ([]journal.Record, error) {
	r.j.note("get", keys...)
	return r.Records.GetMany(ctx, keys)
}

func (r countedRecords) Scan(ctx context.Context, prefix string, f func(journal.Record) error) error {
	r.j.note("scan", prefix)
	return r.Records.Scan(ctx, prefix, f)
}

func (r countedRecords) ScanMany(ctx context.Context, prefixes []string, f func(int, journal.Record) error) error {
	r.j.note("scan", prefixes...)
	return r.Records.ScanMany(ctx, prefixes, f)
}

// Whatever a stranger asks of a conversation of others, the answer is the same as if nobody
// had founded it, and the journal is asked the same for it: neither what is said nor the
// time says that it is there.
func TestConversation_Strangers_LearnNothing(t *testing.T) {
	frames := []string{
		`{"type":"join","id":"?","room":%q}`, `{"type":"join","id":"?","room":%q,"epoch":"e","after":1}`, `{"type":"leave","id":"?","room":%q}`,
		`{"type":"history","id":"?","room":%q}`, `{"type":"history","id":"?","room":%q,"before":2}`,
		`{"type":"send","id":"?","room":%q,"body":1}`, `{"type":"typing","id":"?","room":%q}`, `{"type":"read","id":"?","room":%q,"seq":1}`,
		`{"type":"who","id":"?","room":%q}`, `{"type":"recall","id":"?","room":%q,"seq":2}`,
		`{"type":"mute","id":"?","room":%q,"user":"cy"}`, `{"type":"kick","id":"?","room":%q,"user":"cy"}`, `{"type":"ban","id":"?","room":%q,"user":"cy"}`,
		`{"type":"members","id":"?","room":%q}`, `{"type":"members","id":"?","room":%q,"after":"bo","limit":1}`,
		`{"type":"info","id":"?","room":%q,"title":"Trip"}`, `{"type":"info","id":"?","room":%q,"closed":false}`, `{"type":"info","id":"?","room":%q}`,
		`{"type":"set","id":"?","room":%q,"top":true}`, `{"type":"set","id":"?","room":%q,"clear":true}`, `{"type":"list","id":"?","rooms":[%q]}`,
	}
	for _, role := range []string{"none", "member", "admin", "owner"} {
		for _, users := range []string{`"ann"`, `"bo"`, `"cy"`, `"dan"`, `"eve"`, `"bo","cy"`} {
			frames = append(frames, `{"type":"member","id":"?","room":%q,"users":[`+users+`],"role":"`+role+`"}`)
		}
	}
	var j *counted
	config := func() chat.Config {
		j = &counted{Journal: memjournal.New(memjournal.Options{})}
		return chat.Config{Journal: j, Settings: chat.Settings{Policies: chatApp(t)}}
	}
	onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		bo := b.connect().hello(`,"token":"bo"`)
		group, two := bo.create(`"key":"k","title":"Trip","users":["cy"]`), bo.create(`"direct":"cy"`)
		said := func() {
			for _, room := range []string{group, two} {
				bo.send(fmt.Sprintf(`{"type":"join","room":%q}`, room))
				bo.send(fmt.Sprintf(`{"type":"send","id":"s","room":%q,"body":{"text":"a secret"}}`, room))
				for typeOf(bo.any()) != "ok" {
				}
			}
			synctest.Wait()
		}
		said()
		if err := b.hub.Ban(group, "eve", 0); err != nil { // there is nothing to lift
			t.Error(err)
		}
		if err := b.hub.Ban(group, "eve", 1<<40); err != nil {
			t.Error(err)
		}
		ann := b.connect()
		ann.send(`{"type":"hello","token":"ann","list":{}}`)
		ann.expect(`{"type":"welcome","list":{"rows":[],"…":"…"},"…":"…"}`)
		said()
		ask := func(do func(room string) string, room string) (answer, asked string) {
			j.take()
			answer = do(room)
			synctest.Wait()
			return strings.ReplaceAll(answer, room, "ROOM"), strings.ReplaceAll(strings.Join(j.take(), "\n"), room, "ROOM")
		}
		compare := func(what string, do func(room string) string) {
			for _, room := range []string{group, two} {
				unknown := room[:2] + strings.Repeat("a", 26)
				got, asked := ask(do, room)
				want, wantAsked := ask(do, unknown)
				if got != want || asked != wantAsked || strings.Contains(got, "secret") {
					t.Errorf("%s:\n%s, after\n%s\nbut if nobody has founded it\n%s, after\n%s", what, got, asked, want, wantAsked)
				}
			}
		}
		for _, frame := range frames {
			compare(frame, func(room string) string {
				ann.send(fmt.Sprintf(frame, room))
				return ann.any()
			})
		}
		compare("hello", func(room string) string {
			c := b.connect()
			defer c.closeNow()
			c.send(fmt.Sprintf(`{"type":"hello","token":"ann","rooms":[{"room":%q}]}`, room))
			_, rooms, _ := strings.Cut(c.any(), `"rooms":[{`)
			return rooms
		})
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			compare(method, func(room string) string {
				rec := serveMessages(b.handler, newRequest(method, "ann", `{"body":1}`), room)
				return fmt.Sprint(rec.Code, rec.Body)
			})
		}
		ann.send(`{"type":"ping"}`)
		ann.expect(`{"type":"pong"}`) // and nothing before
	})
}
