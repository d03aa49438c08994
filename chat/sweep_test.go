package chat_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
)

// Once a day the tags of messages that retention has removed are deleted.
func TestHub_Sweep_DeletesTagsOnceADay(t *testing.T) {
	inBubble(t, chat.Settings{Policies: usual(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
		for seq := 1; seq <= 2; seq++ {
			ann.ask(`{"type":"send","id":"?","room":"tea","body":1}`)
		}
		for seq := 1; seq <= 2; seq++ {
			ann.ask(fmt.Sprintf(`{"type":"tag","id":"?","room":"tea","seq":%d,"tag":"x","value":true}`, seq))
			ann.ask(fmt.Sprintf(`{"type":"tag","id":"?","room":"tea","seq":%d,"tag":"pin","value":true,"shared":true}`, seq))
		}
		if err := b.journal.Trim(t.Context(), "tea", 2); err != nil {
			t.Fatal(err)
		}
		ann.closeNow()
		for day, want := range []int{6, 3} {
			if n := recordsOf(t, b.journal, "tag\x00") + recordsOf(t, b.journal, "pin\x00"); n != want {
				t.Errorf("on day %d there are %d records, want %d", day, n, want)
			}
			time.Sleep(25 * time.Hour)
			synctest.Wait()
		}
	})
}

// Where somebody has tagged, that happens soon after the next message, which may have pushed others out.
func TestHub_Sweep_DeletesTags_SoonAfterTheNextMessage(t *testing.T) {
	inBubble(t, chat.Settings{Policies: usual(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
		ann.ask(`{"type":"send","id":"?","room":"tea","body":1}`)
		ann.ask(`{"type":"tag","id":"?","room":"tea","seq":1,"tag":"x","value":true}`)
		time.Sleep(time.Minute)
		if err := b.journal.Trim(t.Context(), "tea", 2); err != nil {
			t.Fatal(err)
		}
		ann.ask(`{"type":"send","id":"?","room":"tea","body":1}`)
		time.Sleep(30 * time.Second)
		if n := recordsOf(t, b.journal, "tag\x00"); n != 0 {
			t.Errorf("%d tags are left", n)
		}
	})
}

// So are the seats of those who left a month ago and have not read their lists since, and profiles of
// guests who belong to no conversation.
func TestHub_Sweep_ForgetsWhoLeft(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		guest := b.connect()
		guest.send(`{"type":"hello","name":"Guest"}`)
		var welcome struct{ User struct{ ID string } }
		b.must(json.Unmarshal([]byte(guest.next()), &welcome))
		g := ann.create(`"key":"k","users":["ben","` + welcome.User.ID + `"]`)
		for _, user := range []string{"ben", welcome.User.ID} {
			if got := ann.ask(fmt.Sprintf(`{"type":"member","id":"?","room":%q,"users":[%q],"role":"none"}`, g, user)); got != "" {
				t.Fatal(got)
			}
		}
		ann.closeNow()
		guest.closeNow()
		left := func(key string, days time.Duration) {
			b.must(b.journal.Records().Put(t.Context(), key, fmt.Append(nil, "none ", time.Now().Add(-days*24*time.Hour).UnixMilli())))
		}
		left("in\x00cy\x00g-other", 29)
		left("in\x00dan\x00g-other", 25)
		left("in\x00"+welcome.User.ID+"\x00"+g, 29)
		kept := func() string {
			return fmt.Sprint(recordsOf(t, b.journal, "in\x00cy"), recordsOf(t, b.journal, "in\x00dan"), recordsOf(t, b.journal, "in\x00guest-"), recordsOf(t, b.journal, "user\x00guest-"))
		}
		for _, want := range []string{"1 1 1 1", "0 1 0 0"} {
			if got := kept(); got != want {
				t.Errorf("kept are %s, want %s", got, want)
			}
			time.Sleep(4 * 24 * time.Hour)
			synctest.Wait()
		}
		if recordsOf(t, b.journal, "in\x00ann") != 1 {
			t.Error("a member has lost the seat")
		}
	})
}

// A user who is erased leaves no reaction, no record of a mention and no row.
func TestHub_EraseUser_ErasesTheirRecords(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann, ben := b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"ben"`)
		g := ann.create(`"key":"k","users":["ben"]`)
		must := func(c *client, format string, args ...any) {
			t.Helper()
			if got := c.ask(fmt.Sprintf(format, args...)); got != "" && got != "nothing" {
				t.Fatalf("%s: %s", format, got)
			}
		}
		for _, c := range []*client{ann, ben} {
			must(c, `{"type":"join","id":"?","room":%q}`, g)
			must(c, `{"type":"join","id":"?","room":"open"}`)
		}
		for _, room := range []string{g, "open"} {
			must(ann, `{"type":"send","id":"?","room":%q,"mentions":["ben"],"body":1}`, room)
		}
		for room, seq := range map[string]int{g: 2, "open": 1} {
			for _, c := range []*client{ann, ben} {
				must(c, `{"type":"tag","id":"?","room":%q,"seq":%d,"tag":"x","value":true}`, room, seq)
			}
		}
		must(ben, `{"type":"set","id":"?","room":%q,"top":true}`, g)
		b.must(b.journal.Records().Put(t.Context(), "wechat\x00ben", []byte("an openid")))
		done, err := b.hub.EraseUser(t.Context(), "ben")
		if err != nil || done.Tags != 2 || done.Left != 1 {
			t.Errorf("erased %+v, %v", done, err)
		}
		if keys := keysOf(t, b.journal, "ben"); len(keys) != 0 {
			t.Errorf("there are still %v", keys)
		}
		if n := recordsOf(t, b.journal, "tag\x00"); n != 2 {
			t.Errorf("%d tags are left, want those of the other", n)
		}
	})
}
