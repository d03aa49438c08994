package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// Whoever fills what records may have is refused, while there is room for others: they tag, are
// mentioned and found conversations as before. The one who is refused still speaks and removes.
func TestRecords_WhoFillsThem_IsRefused_AndNobodyElse(t *testing.T) {
	fast := access.Rate{PerSecond: 1e6, Burst: 1e6}
	config := func() chat.Config {
		return chat.Config{
			Journal:  memjournal.New(memjournal.Options{MaxBytes: 1 << 20}),
			Settings: chat.Settings{Policies: chatApp(t), SessionRate: fast, UserRate: fast, SessionBytes: access.Rate{PerSecond: 1e9, Burst: 1e9}, UserBytes: access.Rate{PerSecond: 1e9, Burst: 1e9}},
		}
	}
	onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		in := `,"rooms":[{"room":"open"}]`
		ann, ben := b.connect().hello(`,"token":"ann"`+in), b.connect().hello(`,"token":"ben"`)
		tags := 0
		refused := ""
		for seq := 1; seq <= 5000 && refused == ""; seq += 21 { // a message and its tags
			if got := ann.ask(`{"type":"send","id":"?","room":"open","body":1}`); got != "" {
				t.Fatal(got)
			}
			for n := range 20 {
				tag := strings.Repeat("😀", 30) + fmt.Sprint(n)
				refused = ann.ask(fmt.Sprintf(`{"type":"tag","id":"?","room":"open","seq":%d,"tag":%q,"value":true}`, seq, tag))
				if refused != "" {
					break
				}
				tags++
			}
		}
		if refused != "unavailable" || tags < 300 || tags > 1200 {
			t.Fatalf("after %d tags the answer was %q", tags, refused)
		}
		if _, bounded := b.journal.(*memjournal.Journal).RecordSpace(); !bounded {
			t.Error("the space is not bounded")
		}
		say := func(c *client, frame, want string) {
			t.Helper()
			if got := c.ask(frame); got != want {
				t.Errorf("%s: %q, want %q", frame, got, want)
			}
		}
		say(ann, `{"type":"create","id":"?","key":"k","users":["cy"]}`, "unavailable")
		say(ann, `{"type":"send","id":"?","room":"open","body":1}`, "")
		say(ann, fmt.Sprintf(`{"type":"tag","id":"?","room":"open","seq":1,"tag":%q,"value":false}`, strings.Repeat("😀", 30)+"0"), "")
		say(ann, `{"type":"recall","id":"?","room":"open","seq":1}`, "")
		for _, user := range []string{"cy", "dan", "eve"} {
			c := b.connect().hello(`,"token":"` + user + `"` + in)
			say(c, `{"type":"create","id":"?","key":"k","users":["ben"]}`, "")
			say(c, `{"type":"send","id":"?","key":"m","room":"open","mentions":["ben"],"body":1}`, "")
			say(c, fmt.Sprintf(`{"type":"tag","id":"?","room":"open","seq":22,"tag":%q,"value":true}`, strings.Repeat("😀", 30)+"1"), "")
		}
		b.must(b.hub.Ban("", "ann", -1))
		ben.closeNow()
	})
}

// A moderator who mutes invented users without end is refused, while there is room for others:
// keys, operators and other moderators mute and ban as before.
func TestRecords_WhoMutesWithoutEnd_IsRefused_AndNobodyElse(t *testing.T) {
	fast := access.Rate{PerSecond: 1e6, Burst: 1e6}
	config := func() chat.Config {
		return chat.Config{
			Journal: memjournal.New(memjournal.Options{MaxBytes: 1 << 20}),
			Settings: chat.Settings{
				Policies: chatApp(t), SessionRate: fast, UserRate: fast, SessionBytes: access.Rate{PerSecond: 1e9, Burst: 1e9}, UserBytes: access.Rate{PerSecond: 1e9, Burst: 1e9},
				Keys: access.Keys{newKey(t, "all", func(k *access.Key) { k.Read, k.Moderate = []string{"*"}, []string{"*"} })},
			},
		}
	}
	onJournal(t, config, tokens{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		mutes, refused := 0, ""
		ann := b.connect().hello(`,"token":"ann"`)
		g := ann.create(`"key":"k","users":["ben"]`)
		for refused == "" && mutes < 10_000 {
			refused = ann.ask(fmt.Sprintf(`{"type":"mute","id":"?","room":%q,"user":"%s%d","for":3600000}`, g, strings.Repeat("x", 100), mutes))
			mutes++
		}
		if refused != "unavailable" || mutes < 300 || mutes > 2500 {
			t.Fatalf("after %d mutes the answer was %q", mutes, refused)
		}
		dan := b.connect().hello(`,"token":"dan"`)
		h := dan.create(`"key":"k","users":["ben"]`)
		for i := range 20 {
			if got := dan.ask(fmt.Sprintf(`{"type":"mute","id":"?","room":%q,"user":"y%d","for":3600000}`, h, i)); got != "" {
				t.Fatalf("another moderator is told %q", got)
			}
		}
		if code, _ := b.from("192.0.2.9:1", keyOf("all"), "POST", "/rooms/"+g+"/ban", `{"user":"ann"}`); code != 200 {
			t.Errorf("a key is answered %d", code)
		}
		b.must(b.hub.Mute(h, "ben", time.Hour))
	})
}
