package chat_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// answered sends a command, whose id is ?, and returns its answer.
func (c *client) answered(frame string) string {
	c.t.Helper()
	c.send(frame)
	for {
		var f struct{ ID string }
		text := c.any()
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			c.t.Fatal(err)
		}
		if f.ID == "?" {
			return text
		}
	}
}

// pairCommands are one of each kind, in a group of ann, its owner, ben, an admin, and cy, who
// has said what has the number 3. $g is the group, and $n differs from pair to pair.
var pairCommands = []struct{ by, frame string }{
	{"ann", `{"type":"create","id":"?","key":"$n","users":["ben","cy","dan"]}`},
	{"ann", `{"type":"create","id":"?","key":"new $n","title":"A","users":["ben"]}`},
	{"ann", `{"type":"member","id":"?","room":"$g","users":["ben"],"role":"owner"}`},
	{"ann", `{"type":"member","id":"?","room":"$g","users":["ann"],"role":"none"}`},
	{"ann", `{"type":"member","id":"?","room":"$g","users":["ben"],"role":"member"}`},
	{"ann", `{"type":"member","id":"?","room":"$g","users":["cy"],"role":"owner"}`},
	{"ann", `{"type":"member","id":"?","room":"$g","users":["ben","cy"],"role":"none"}`},
	{"ben", `{"type":"member","id":"?","room":"$g","users":["cy"],"role":"none"}`},
	{"ben", `{"type":"member","id":"?","room":"$g","users":["ben"],"role":"none"}`},
	{"ann", `{"type":"info","id":"?","room":"$g","closed":true}`},
	{"ben", `{"type":"info","id":"?","room":"$g","title":"Rome"}`},
	{"ben", `{"type":"member","id":"?","room":"$g","users":["dan"],"role":"member"}`},
	{"cy", `{"type":"member","id":"?","room":"$g","users":["eve"],"role":"member"}`},
	{"cy", `{"type":"member","id":"?","room":"$g","users":["cy"],"role":"none"}`},
	{"ben", `{"type":"kick","id":"?","room":"$g","user":"cy"}`},
	{"ann", `{"type":"ban","id":"?","room":"$g","user":"cy"}`},
	{"ben", `{"type":"mute","id":"?","room":"$g","user":"cy","for":60}`},
	{"ben", `{"type":"recall","id":"?","room":"$g","seq":3}`},
	{"cy", `{"type":"recall","id":"?","room":"$g","seq":3}`},
	{"cy", `{"type":"edit","id":"?","room":"$g","seq":3,"body":{"text":"edited $n"}}`},
	{"cy", `{"type":"send","id":"?","room":"$g","body":{"text":"more"},"mentions":["ben"]}`},
	{"ann", `{"type":"tag","id":"?","room":"$g","seq":3,"tag":"x","value":true}`},
	{"ben", `{"type":"tag","id":"?","room":"$g","seq":3,"tag":"pin","value":true,"shared":true}`},
	{"ben", `{"type":"set","id":"?","room":"$g","top":true,"clear":true}`},
	{"ben", `{"type":"set","id":"?","room":"$g","hide":true,"notify":false}`},
	{"ben", `{"type":"read","id":"?","room":"$g","seq":3}`},
	{"cy", `{"type":"leave","id":"?","room":"$g"}`},
	{"cy", `{"type":"join","id":"?","room":"$g"}`},
}

// Every pair of commands of a conversation, given at the same time on two nodes, ends alike
// on both: with the same members, rows and history for everybody, and both or
// neither let in whom it is about, and with records that say what the entries say.
func TestConversation_EveryPair_EndsAlike(t *testing.T) {
	began := time.Now()
	store := memjournal.NewStore(memjournal.Options{})
	set := chat.Settings{Policies: chatApp(t), MaxRooms: 10_000, NewRooms: access.Rate{PerSecond: 1000, Burst: 1000}}
	set.Policies[1].History = access.History{}
	unhurried(&set)
	names := []string{"ann", "ben", "cy", "dan", "eve"}
	var people [2]map[string]*client // by node
	for node := range people {
		url, _ := serve(t, chat.Config{Settings: set, Journal: store.Open()}, &chat.Handler{Auth: tokens{}})
		people[node] = map[string]*client{}
		for _, name := range names {
			people[node][name] = dialV1(t, url).hello(fmt.Sprintf(`,"token":%q`, name))
		}
	}
	must := func(c *client, frame string) string {
		t.Helper()
		got := c.answered(frame)
		if strings.HasPrefix(got, `{"type":"error"`) {
			t.Fatalf("%s: %s", frame, got)
		}
		return got
	}
	for i, one := range pairCommands {
		for j, other := range pairCommands[:i+1] {
			n := fmt.Sprintf("%d-%d", i, j)
			var created struct{ Room string }
			if err := json.Unmarshal([]byte(must(people[0]["ann"], fmt.Sprintf(`{"type":"create","id":"?","key":%q,"users":["ben","cy"]}`, n))), &created); err != nil {
				t.Fatal(err)
			}
			g := created.Room
			must(people[0]["ann"], fmt.Sprintf(`{"type":"member","id":"?","room":%q,"users":["ben"],"role":"admin"}`, g))
			first := (i + j) % 2
			present := map[*client]bool{people[first][one.by]: true, people[1-first][other.by]: true, people[1]["cy"]: true}
			for c := range present {
				must(c, fmt.Sprintf(`{"type":"join","id":"?","room":%q}`, g))
			}
			must(people[1]["cy"], fmt.Sprintf(`{"type":"send","id":"?","room":%q,"body":{"text":"first %s"}}`, g, n))
			var frames [2]string
			for k, frame := range []string{one.frame, other.frame} {
				frames[k] = strings.NewReplacer("$g", g, "$n", n).Replace(frame)
			}
			what := fmt.Sprintf("%s %s beside %s %s", one.by, frames[0], other.by, frames[1])
			var both sync.WaitGroup
			var answers [2]string
			both.Go(func() { answers[0] = people[first][one.by].answered(frames[0]) })
			both.Go(func() { answers[1] = people[1-first][other.by].answered(frames[1]) })
			both.Wait()
			for _, answer := range answers {
				if strings.Contains(answer, `"unavailable"`) || strings.Contains(answer, `"internal"`) {
					t.Fatalf("%s: %s", what, answer)
				}
			}
			// What is seen of it on a node, without who happens to be present there.
			seen := func(node int) string {
				var all []string
				for _, name := range names {
					all = append(all, name+" "+people[node][name].answered(fmt.Sprintf(`{"type":"list","id":"?","rooms":[%q]}`, g)))
				}
				for _, name := range names[:3] {
					for _, typ := range []string{"history", "members"} {
						all = append(all, name+" "+people[node][name].answered(fmt.Sprintf(`{"type":%q,"id":"?","room":%q}`, typ, g)))
					}
				}
				return strings.Join(all, "\n")
			}
			var views [2]string
			for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
				if views = [2]string{seen(0), seen(1)}; views[0] == views[1] { // a mark that moves to what was sent comes later
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%s: one node shows\n%s\nand the other\n%s", what, views[0], views[1])
				}
			}
			if recalled := strings.Count(strings.Join(answers[:], ""), `"ok"`) > 0 && strings.Contains(views[0], `"type":"recalled"`); recalled && strings.Contains(views[0], "first "+n) {
				t.Errorf("%s: the body of what is recalled is shown: %s", what, views[0])
			}
			in := map[bool]bool{}
			for node := range people {
				c := people[node]["cy"]
				in[strings.Contains(c.answered(fmt.Sprintf(`{"type":"join","id":"?","room":%q}`, g)), `"joined"`)] = true
				present[c] = true
			}
			if len(in) > 1 {
				t.Errorf("%s: one node lets cy in, and the other does not", what)
			}
			for c := range present { // the next pairs need not tell of this one
				c.answered(fmt.Sprintf(`{"type":"leave","id":"?","room":%q}`, g))
			}
			checkAlike(t, what, store.Open(), g)
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d pairs in %v", len(pairCommands)*(len(pairCommands)+1)/2, time.Since(began))
}
