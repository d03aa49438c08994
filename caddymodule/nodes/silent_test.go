//go:build linux

package nodes_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// soonThere is within which whatever was done while a node was silent holds there, once it is back: it asks
// the database once a second, and some acts wait for it for two seconds.
const soonThere = 4 * time.Second

// absence is an act at node 0 while another node is silent.
type absence struct {
	*cluster
	n, i  int     // of the absence, and of the silent node
	boss  *talker // at node 0
	there *talker // at the silent node
	room  string
}

// silentActs are what somebody does while a node is silent.
var silentActs = []struct {
	name  string
	comes func(x *absence)              // brings x.there to the silent node
	do    func(x *absence)              // at node 0
	told  func(x *absence) (p []string) // what a frame to x.there says
}{
	{"mute", (*absence).joins, func(x *absence) { x.moderates(x.fill(`{"type":"mute","room":"ROOM","user":"USER","for":600000}`)) },
		func(*absence) []string { return []string{`"type":"muted"`} }},
	{"ban", (*absence).joins, func(x *absence) { x.moderates(x.fill(`{"type":"ban","room":"ROOM","user":"USER"}`)) },
		func(*absence) []string { return []string{`"type":"removed"`, `"code":"banned"`} }},
	{"kick", (*absence).joins, func(x *absence) { x.moderates(x.fill(`{"type":"kick","room":"ROOM","user":"USER"}`)) },
		func(*absence) []string { return []string{`"type":"removed"`, `"code":"kicked"`} }},
	{"kick from everywhere", (*absence).joins, func(x *absence) { x.asks("POST", "/kick", x.fill(`{"user":"USER"}`)) },
		func(*absence) []string { return []string{`"type":"bye"`, `"code":"kicked"`} }},
	{"erase a user", (*absence).joins, func(x *absence) { x.asks("DELETE", "/users/"+x.user(), "") },
		func(*absence) []string { return []string{`"type":"bye"`} }},
	{"erase a room", func(x *absence) {
		x.joins()
		x.there.answer(x.fill(`{"type":"send","id":"s","room":"ROOM","body":"hi"}`))
	}, func(x *absence) { x.asks("DELETE", "/rooms/"+x.room, "") },
		func(*absence) []string { return []string{`"type":"bye"`} }},
	{"replace a device", (*absence).joins, func(x *absence) { dial(x.t, x.nodes[0], token(x.t, x.user()), `"device":"phone"`) },
		func(*absence) []string { return []string{`"type":"bye"`, `"code":"replaced"`} }},
	{"block", (*absence).pairs, func(x *absence) { x.boss.say(x.fill(`{"type":"set","room":"ROOM","block":true}`)) },
		func(x *absence) []string { return []string{`"type":"presence"`, x.room, `"left":[{"id":"boss`} }},
	{"end a block", func(x *absence) {
		x.pairs()
		x.boss.answer(x.fill(`{"type":"set","id":"1","room":"ROOM","block":true}`))
		x.there.until(`"type":"presence"`, x.room, `"left":[{"id":"boss`)
	}, func(x *absence) { x.boss.say(x.fill(`{"type":"set","room":"ROOM","block":false}`)) },
		func(x *absence) []string { return []string{`"type":"presence"`, x.room, `"joined":[{"id":"boss`} }},
}

func (x *absence) user() string { return fmt.Sprintf("u%d", x.n) }

func (x *absence) fill(text string) string {
	return strings.NewReplacer("ROOM", x.room, "USER", x.user()).Replace(text)
}

// asks asks the admin API of node 0, which may say that a node does not answer.
func (x *absence) asks(method, path, body string) {
	req, err := http.NewRequest(method, "http://"+x.nodes[0].admin+"/chat/hubs/default"+path, strings.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Error(err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode >= 400 && res.StatusCode != http.StatusServiceUnavailable {
		x.t.Errorf("%s %s: %s", method, path, res.Status)
	}
}

// moderates has the boss do something to the user, whom only the silent node knows: as long as that does
// not answer, it is unavailable, and asked again.
func (x *absence) moderates(command string) {
	for try, said := 0, `"unavailable"`; strings.Contains(said, `"unavailable"`); try++ {
		id := fmt.Sprintf("m%d-%d", x.n, try)
		x.boss.say(strings.Replace(command, "{", `{"id":"`+id+`",`, 1))
		said = x.boss.find([]string{`"id":"` + id + `"`})
	}
}

// comes brings the user to the silent node.
func (x *absence) comes() {
	x.there = dial(x.t, x.nodes[x.i], token(x.t, x.user()), `"device":"phone"`)
}

func (x *absence) joins() {
	x.comes()
	x.there.join(x.room)
}

// pairs makes a conversation of two, whose room both are in and told of each other.
func (x *absence) pairs() {
	x.comes()
	x.room = x.boss.answer(`{"type":"create","id":"p","direct":"` + x.user() + `"}`).Room
	x.boss.join(x.room)
	x.there.join(x.room)
	x.eventually("the two are told of each other", func() bool {
		x.there.say(x.fill(`{"type":"who","id":"w","room":"ROOM"}`))
		return strings.Contains(x.there.until(`"id":"w"`), `"members":2`)
	})
}

// told waits until a frame contains all parts, and reports false if the connection ends first.
func (k *talker) told(parts []string) bool { return k.find(parts) != "" }

// find waits until a frame contains all parts and returns it, or nothing if the connection ends first. It
// takes no frame away, so several may wait.
func (k *talker) find(parts []string) string {
	for {
		k.mu.Lock()
		came, err := k.came, k.err
		for _, f := range k.frames {
			if containsAll(f, parts) {
				k.mu.Unlock()
				return f
			}
		}
		k.mu.Unlock()
		if err != nil {
			return ""
		}
		select {
		case <-came:
		case <-time.After(deadlock):
			k.t.Errorf("waiting for %q in vain; heard %q", parts, k.frames)
			return ""
		}
	}
}

// Whatever is done while a node is silent, holds there soon after its return, or its sessions have
// ended: one node stands still, and another one is cut off from the database.
func TestNodes_Silent_EverythingHoldsOnReturn(t *testing.T) {
	c := newCluster(t, 0, policies)
	n := 0
	for _, silence := range []time.Duration{time.Second, 3 * time.Second, 6 * time.Second, 20 * time.Second} {
		t.Run(fmt.Sprint("for ", silence), func(t *testing.T) {
			mine := *c
			mine.t = t
			c.db.beats(len(c.nodes))
			for _, node := range c.nodes {
				node.ready()
			}
			var all []*absence
			for i := range 2 {
				boss := dial(t, c.nodes[0], token(t, fmt.Sprint("boss", n), "role=boss")) // who may make only so many conversations
				for _, act := range silentActs {
					n++
					x := &absence{cluster: &mine, n: n, i: i + 1, boss: boss, room: fmt.Sprint("silent", n)}
					act.comes(x)
					all = append(all, x)
				}
			}
			c.nodes[1].signal(syscall.SIGSTOP)
			c.network.cut(2, false)
			began := time.Now()
			var doing sync.WaitGroup
			for k, x := range all {
				doing.Go(func() { silentActs[k%len(silentActs)].do(x) })
			}
			time.Sleep(time.Until(began.Add(silence))) // nothing can be waited for: two nodes hear nothing, in processes of their own
			c.nodes[1].signal(syscall.SIGCONT)
			c.network.heal(2)
			back := time.Now()
			doing.Wait()
			for k, x := range all {
				act, node := silentActs[k%len(silentActs)], map[int]string{1: "stood still", 2: "was cut off"}[x.i]
				told := x.there.told(act.told(x))
				if !told && silence < 5*time.Second && !strings.Contains(act.name, "erase") {
					t.Errorf("%s, the node %s: the connection has ended", act.name, node)
				}
				c.within(t, back, soonThere, fmt.Sprintf("%s, where the node %s: told %v", act.name, node, told))
			}
		})
	}
}
