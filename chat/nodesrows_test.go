package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
)

// What a user has cleared at one node is cleared for the user's sessions at others, before the
// answer is there; and the list there does not show it either.
func TestNodes_Clear_HoldsElsewhere(t *testing.T) {
	inNodes(t, 2, chat.Settings{Policies: chatApp(t)}, func(t *testing.T, nodes []*bubble) {
		dan, here, there := nodes[0].connect().hello(`,"token":"dan"`), nodes[0].connect().hello(`,"token":"cy"`), nodes[1].connect().hello(`,"token":"cy","list":{}`)
		room := dan.create(`"key":"k","users":["cy"]`)
		for _, c := range []*client{dan, here, there} {
			c.ask(fmt.Sprintf(`{"type":"join","id":"?","room":%q}`, room))
		}
		dan.ask(fmt.Sprintf(`{"type":"send","id":"?","room":%q,"body":"hi"}`, room))
		if got := here.ask(fmt.Sprintf(`{"type":"set","id":"?","room":%q,"clear":true}`, room)); got != "" {
			t.Fatal(got)
		}
		synctest.Wait()
		drain(there)
		dan.ask(fmt.Sprintf(`{"type":"edit","id":"?","room":%q,"seq":2,"body":"secret edited"}`, room))
		dan.ask(fmt.Sprintf(`{"type":"tag","id":"?","room":%q,"seq":2,"tag":"secret","value":true}`, room))
		for name, c := range map[string]*client{"here": here, "there": there} {
			frames := strings.Join(drain(c), "\n")
			if strings.Contains(frames, "secret") {
				t.Errorf("%s: what was cleared is shown: %s", name, frames)
			}
			if !strings.Contains(frames, `"edited"`) {
				t.Errorf("%s: %s", name, frames)
			}
		}
	})
}

// A block, and its end, hold for both of two, wherever they are: neither is told any more that
// the other one is there, and both are told again.
func TestNodes_Block_HoldsElsewhere(t *testing.T) {
	inNodes(t, 2, chat.Settings{Policies: chatApp(t)}, func(t *testing.T, nodes []*bubble) {
		ann, ben := nodes[0].connect().hello(`,"token":"ann"`), nodes[1].connect().hello(`,"token":"ben"`)
		room := ann.create(`"direct":"ben"`)
		must := func(c *client, format string) {
			t.Helper()
			if got := c.ask(fmt.Sprintf(format, room)); got != "" {
				t.Fatalf("%s: %s", format, got)
			}
			time.Sleep(time.Second) // who comes and goes is told in a while
			synctest.Wait()
		}
		const join, leave = `{"type":"join","id":"?","room":%q}`, `{"type":"leave","id":"?","room":%q}`
		who := func(c *client) string {
			c.send(fmt.Sprintf(`{"type":"who","id":"1","room":%q}`, room))
			return c.until("who")
		}
		must(ann, join)
		must(ben, join)
		for range 2 {
			drain(ben)
			must(ann, `{"type":"set","id":"?","room":%q,"block":true}`)
			if got := strings.Join(drain(ben), "\n"); !strings.Contains(got, `"left":[{"id":"ann"`) {
				t.Errorf("blocked: ben hears %s", got)
			}
			for _, c := range []*client{ann, ben} {
				if got := who(c); strings.Contains(got, `"members":2`) {
					t.Errorf("blocked: %s", got)
				}
			}
			must(ann, leave)
			must(ann, join)
			if got := strings.Join(drain(ben), "\n"); strings.Contains(got, "ann") {
				t.Errorf("blocked: ben hears of ann: %s", got)
			}
			must(ann, `{"type":"set","id":"?","room":%q,"block":false}`)
			if got := strings.Join(drain(ben), "\n"); !strings.Contains(got, `"joined":[{"id":"ann"`) {
				t.Errorf("no more blocked: ben hears %s", got)
			}
			for _, c := range []*client{ann, ben} {
				if got := who(c); !strings.Contains(got, `"members":2`) {
					t.Errorf("no more blocked: %s", got)
				}
			}
		}
	})
}
