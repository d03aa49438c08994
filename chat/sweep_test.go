package chat_test

import (
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
