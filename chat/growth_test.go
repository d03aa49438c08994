package chat_test

import (
	"fmt"
	"strings"
	"testing"

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
