package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// Who adds people and removes them again leaves nothing of those who were never here: a list of
// invented ids fills no store. Of whom was here it is kept that they have left, for as long as
// their devices are told of it.
func TestConversation_RemovedMembers_LeaveNoRecords(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	onJournal(t, func() chat.Config {
		return chat.Config{Journal: j, Settings: chat.Settings{Policies: chatApp(t)}}
	}, tokens{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		of := func(words ...string) (keys []string) {
			for _, prefix := range []string{"in\x00", "at\x00", "told\x00", "role\x00", "user\x00"} {
				err := j.Records().Scan(t.Context(), prefix, func(r journal.Record) error {
					for _, word := range words {
						if strings.Contains(r.Key, word) {
							keys = append(keys, r.Key)
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			return keys
		}
		cy := b.connect().hello(`,"token":"cy","list":{}`)
		ann := b.connect().hello(`,"token":"ann"`)
		g := ann.create(`"key":"k"`)
		must := func(format string, args ...any) {
			t.Helper()
			if got := ann.ask(fmt.Sprintf(format, args...)); got != "" {
				t.Fatalf("%s: %s", format, got)
			}
		}
		must(`{"type":"join","id":"?","room":%q}`, g)
		for n := range 5 {
			time.Sleep(time.Minute)
			users := fmt.Sprintf(`["nobody%d","nobodyelse%d"]`, n, n)
			must(`{"type":"member","id":"?","room":%q,"users":%s,"role":"member"}`, g, users)
			must(`{"type":"send","id":"?","room":%q,"body":"hey","mentions":%s}`, g, users)
			if err := j.Records().Put(t.Context(), fmt.Sprintf("told\x00nobody%d\x00%s", n, g), []byte("1")); err != nil { // where a key of the site asks
				t.Fatal(err)
			}
			must(`{"type":"member","id":"?","room":%q,"users":%s,"role":"none"}`, g, users)
		}
		if keys := of("nobody"); len(keys) > 0 {
			t.Errorf("of nobody it is kept: %q", keys)
		}
		must(`{"type":"member","id":"?","room":%q,"users":["cy"],"role":"member"}`, g)
		synctest.Wait()
		cy.closeNow()
		must(`{"type":"member","id":"?","room":%q,"users":["cy"],"role":"none"}`, g)
		if n := len(of("in\x00cy\x00" + g)); n != 1 {
			t.Errorf("%d seats of whom was here and has left", n)
		}
		in := "in\x00cy\x00" + g
		for i, days := range []time.Duration{29, 31} {
			left := fmt.Append(nil, "none ", time.Now().Add(-days*24*time.Hour).UnixMilli())
			if err := j.Records().Put(t.Context(), in, left); err != nil {
				t.Fatal(err)
			}
			b.connect().hello(`,"token":"cy","list":{}`).closeNow()
			if n := len(of(in)); n != 1-i {
				t.Errorf("look %d: %d seats are kept", i, n)
			}
		}
	})
}

// Whoever brings people into conversations pays for what is read of them, and waits then; nobody
// else does.
func TestConversation_Add_IsCharged(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	set := chat.Settings{Policies: chatApp(t), ReadBytes: access.Rate{PerSecond: 4 << 10, Burst: 32 << 10}}
	onJournal(t, func() chat.Config { return chat.Config{Journal: j, Settings: set} }, tokens{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		for n := range 1000 {
			for _, user := range []string{"x", "y"} {
				if err := j.Records().Put(t.Context(), fmt.Sprintf("in\x00%s\x00g-%d", user, n), []byte("member 1 0")); err != nil {
					t.Fatal(err)
				}
			}
		}
		ann, ben := b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"ben"`)
		g := ann.create(`"key":"k"`)
		add := func(users string) string {
			return ann.ask(fmt.Sprintf(`{"type":"member","id":"?","room":%q,"users":[%s],"role":"member"}`, g, users))
		}
		if got := add(`"x"`) + add(`"y"`) + add(`"cy"`); got != "too_fast" {
			t.Errorf("whoever has read much: %q", got)
		}
		if got := ann.ask(`{"type":"create","id":"?","key":"k2"}`); got != "too_fast" {
			t.Errorf("founds: %q", got)
		}
		ben.create(`"key":"k"`)
		time.Sleep(time.Minute)
		if got := add(`"cy"`); got != "" {
			t.Errorf("afterwards: %q", got)
		}
	})
}
