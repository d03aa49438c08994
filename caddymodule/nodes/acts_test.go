//go:build linux

package nodes_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const policies = `
policy d-* {
	direct
	create users
}
policy g-* {
	read members
	write members
	moderate admins
	create users
	invite members
}
policy * {
	read anyone
	write anyone
	moderate role=boss
}
`

// soon is within which a ban, a mute or a kick holds at another node.
const soon = time.Second

// company is who takes part in an act: ann and boss at one node, and ben and ann's second device at another.
type company struct {
	*cluster
	room                   string
	ann, boss, ben, second *talker
}

func (c *cluster) company(t *testing.T, room string) *company {
	x := &company{cluster: c, room: room}
	list := `"list":{}`
	x.ann = dial(t, c.nodes[0], token(t, "ann"), list)
	x.boss = dial(t, c.nodes[0], token(t, "boss", "role=boss"))
	x.ben = dial(t, c.nodes[1], token(t, "ben"), list)
	x.second = dial(t, c.nodes[1], token(t, "ann"), list)
	for _, k := range []*talker{x.ann, x.boss, x.ben, x.second} {
		k.join(room)
	}
	return x
}

// command fills in the room.
func (x *company) command(text string) string { return strings.ReplaceAll(text, "ROOM", x.room) }

// operator runs `caddy chat` at the node of ann.
func (x *company) operator(args ...string) {
	x.t.Helper()
	x.nodes[0].run(append([]string{"chat", "--address", x.nodes[0].admin}, args...)...)
}

// within judges how long something took, unless the machine does much else.
func (c *cluster) within(t *testing.T, since time.Time, bound time.Duration, what string) {
	t.Helper()
	took := time.Since(since)
	ok, slowness, _ := c.busy.allows(since)
	t.Logf("%s after %v; threads took %.1f times as long", what, took.Round(time.Millisecond), slowness)
	if ok && took > bound {
		t.Errorf("%s: it took %v, where %v is the bound", what, took, bound)
	}
}

// acts are what somebody does at one node, and what others are told at another.
var acts = []struct {
	name string
	do   func(x *company)
}{
	{"send", func(x *company) {
		seq := x.ann.answer(x.command(`{"type":"send","id":"1","room":"ROOM","key":"k","body":"hi"}`)).Seq
		x.ben.until(`"type":"message"`, `"body":"hi"`, `"id":"ann"`)
		again := x.second.answer(x.command(`{"type":"send","id":"2","room":"ROOM","key":"k","body":"hi"}`))
		if again.Seq != seq || !again.Duplicate {
			x.t.Errorf("the same key at another node: %+v", again)
		}
	}},
	{"edit", func(x *company) {
		seq := x.said()
		x.ann.answer(x.command(fmt.Sprintf(`{"type":"edit","id":"1","room":"ROOM","seq":%d,"body":"better"}`, seq)))
		x.ben.until(`"type":"edited"`, fmt.Sprintf(`"target":%d`, seq), `"body":"better"`)
		x.history(`"body":"better"`)
	}},
	{"recall", func(x *company) {
		seq := x.said()
		x.ann.answer(x.command(fmt.Sprintf(`{"type":"recall","id":"1","room":"ROOM","seq":%d}`, seq)))
		x.ben.until(`"type":"recalled"`, fmt.Sprintf(`"target":%d`, seq))
		x.history(`"recalled":true`)
	}},
	{"tag", func(x *company) {
		seq := x.said()
		x.ben.answer(x.command(fmt.Sprintf(`{"type":"tag","id":"1","room":"ROOM","seq":%d,"tag":"+1","value":true}`, seq)))
		x.ann.until(`"type":"tagged"`, `"tag":"+1"`, `"id":"ben"`)
		x.boss.answer(x.command(fmt.Sprintf(`{"type":"tag","id":"2","room":"ROOM","seq":%d,"tag":"pin","value":true,"shared":true}`, seq)))
		x.ben.until(`"type":"tagged"`, `"tag":"pin"`, `"shared":true`)
		x.history(`"tag":"+1"`, `"tag":"pin"`)
	}},
	{"typing", func(x *company) {
		x.ann.answer(x.command(`{"type":"typing","id":"1","room":"ROOM"}`))
		x.ben.until(`"type":"typing"`, `"id":"ann"`)
	}},
	{"read", func(x *company) {
		seq := x.said()
		x.ann.answer(x.command(fmt.Sprintf(`{"type":"read","id":"1","room":"ROOM","seq":%d}`, seq)))
		x.second.until(`"type":"read"`, fmt.Sprintf(`"seq":%d`, seq))
	}},
	{"who, join and leave", func(x *company) {
		x.eventually("all are present at both nodes", func() bool {
			x.ben.say(x.command(`{"type":"who","id":"w","room":"ROOM"}`))
			return containsAll(x.ben.until(`"id":"w"`), []string{`"id":"ann"`, `"id":"ben"`, `"id":"boss"`, `"members":3`})
		})
		x.boss.answer(x.command(`{"type":"leave","id":"1","room":"ROOM"}`))
		x.ben.until(`"type":"presence"`, `"left":[{"id":"boss"`)
		x.boss.join(x.room)
		x.ben.until(`"type":"presence"`, `"joined":[{"id":"boss"`)
	}},
	{"mute", func(x *company) {
		x.boss.answer(x.command(`{"type":"mute","id":"1","room":"ROOM","user":"ben","for":600000}`))
		done := time.Now()
		x.ben.until(`"type":"muted"`)
		x.within(x.t, done, soon, "the mute holds")
		x.refused(x.ben, `{"type":"send","id":"2","room":"ROOM","body":"but"}`, "muted")
		x.boss.answer(x.command(`{"type":"mute","id":"3","room":"ROOM","user":"ben","for":0}`))
		x.ben.until(`"type":"muted"`, `"for":0`)
		x.ben.answer(x.command(`{"type":"send","id":"4","room":"ROOM","body":"thanks"}`))
	}},
	{"kick", func(x *company) {
		x.boss.answer(x.command(`{"type":"kick","id":"1","room":"ROOM","user":"ben"}`))
		done := time.Now()
		x.ben.until(`"type":"removed"`, `"code":"kicked"`)
		x.within(x.t, done, soon, "the user is removed")
		x.ben.join(x.room)
	}},
	{"ban", func(x *company) {
		x.boss.answer(x.command(`{"type":"ban","id":"1","room":"ROOM","user":"ben"}`))
		done := time.Now()
		anew := dial(x.t, x.nodes[2], token(x.t, "ben"))
		x.refused(anew, `{"type":"join","id":"2","room":"ROOM"}`, "banned")
		x.ben.until(`"type":"removed"`, `"code":"banned"`)
		x.within(x.t, done, soon, "the ban holds")
		x.refused(x.ben, `{"type":"join","id":"3","room":"ROOM"}`, "banned")
		x.boss.answer(x.command(`{"type":"ban","id":"4","room":"ROOM","user":"ben","for":0}`))
		x.eventually("the ban is lifted", func() bool {
			x.ben.say(x.command(`{"type":"join","id":"5","room":"ROOM"}`))
			return strings.Contains(x.ben.until(`"id":"5"`), `"type":"joined"`)
		})
	}},
	{"create, member, info and set", func(x *company) {
		g := x.ann.answer(`{"type":"create","id":"1","key":"` + x.room + `","title":"Trip","users":["ben"]}`).Room
		x.ben.until(`"type":"row"`, g, `"title":"Trip"`, `"role":"member"`)
		x.ben.join(g)
		x.ann.answer(`{"type":"member","id":"2","room":"` + g + `","users":["ben"],"role":"admin"}`)
		x.ben.until(`"type":"member"`, g, `"role":"admin"`)
		x.ann.answer(`{"type":"info","id":"3","room":"` + g + `","title":"Journey"}`)
		x.ben.until(`"type":"info"`, g, `"title":"Journey"`)
		x.ann.answer(`{"type":"set","id":"4","room":"` + g + `","top":true}`)
		x.second.until(`"type":"row"`, g, `"top":true`)
		x.ben.say(`{"type":"members","id":"5","room":"` + g + `"}`)
		x.ben.until(`"type":"members"`, `"id":"5"`, `"role":"admin"`, `"size":2`)
		x.ann.answer(`{"type":"member","id":"6","room":"` + g + `","users":["ben"],"role":"none"}`)
		x.ben.until(`"type":"row"`, g, `"gone":true`)
		x.refused(x.ben, `{"type":"history","id":"7","room":"`+g+`"}`, "forbidden")
	}},
	{"direct and block", func(x *company) {
		cy, dan := dial(x.t, x.nodes[0], token(x.t, "cy")), dial(x.t, x.nodes[1], token(x.t, "dan"), `"list":{}`)
		d := cy.answer(`{"type":"create","id":"1","direct":"dan"}`).Room
		cy.join(d)
		cy.answer(`{"type":"send","id":"2","room":"` + d + `","body":"psst"}`)
		dan.until(d, `"psst"`)
		if again := dan.answer(`{"type":"create","id":"3","direct":"cy"}`); again.Room != d {
			x.t.Errorf("two conversations of two: %s and %s", d, again.Room)
		}
		dan.answer(`{"type":"set","id":"4","room":"` + d + `","block":true}`)
		x.eventually("the user is blocked", func() bool {
			cy.say(`{"type":"send","id":"5","room":"` + d + `","body":"hey"}`)
			return strings.Contains(cy.until(`"id":"5"`), `"code":"forbidden"`)
		})
	}},
	{"a device at another node", func(x *company) {
		old := dial(x.t, x.nodes[0], token(x.t, "ann"), `"device":"phone"`)
		dial(x.t, x.nodes[1], token(x.t, "ann"), `"device":"phone"`)
		old.until(`"type":"bye"`, `"code":"replaced"`)
	}},
	{"announce", func(x *company) {
		x.operator("announce", x.room, "tea is ready")
		x.ben.until(`"type":"notice"`, `"tea is ready"`)
		x.operator("announce", "--all", "and cake")
		x.ben.until(`"type":"notice"`, `"and cake"`)
	}},
	{"an operator recalls", func(x *company) {
		seq := x.said()
		x.operator("recall", x.room, fmt.Sprint(seq))
		x.ben.until(`"type":"recalled"`, fmt.Sprintf(`"target":%d`, seq))
	}},
	{"an operator kicks and bans everywhere", func(x *company) {
		x.operator("kick", "ben")
		x.ben.until(`"type":"bye"`, `"code":"kicked"`)
		again := dial(x.t, x.nodes[1], token(x.t, "ben"))
		x.operator("ban", "ben")
		again.until(`"type":"bye"`, `"code":"banned"`)
		x.operator("unban", "ben")
		x.eventually("the ban is lifted at another node", func() bool {
			return strings.Contains(hello(x.t, x.nodes[1], token(x.t, "ben")).until(`"id":"hello"`), `"type":"welcome"`)
		})
	}},
	{"erase a room", func(x *company) {
		x.said()
		x.operator("erase-room", x.room, "--yes")
		x.ben.until(`"type":"bye"`)
		again := dial(x.t, x.nodes[1], token(x.t, "ben"))
		again.say(x.command(`{"type":"join","id":"1","room":"ROOM"}`))
		again.until(`"type":"joined"`, `"entries":[]`)
	}},
	{"erase a user", func(x *company) {
		seq := x.said()
		x.operator("erase-user", "ann", "--yes")
		x.second.until(`"type":"bye"`)
		x.ben.until(`"type":"recalled"`, fmt.Sprintf(`"target":%d`, seq))
	}},
}

// said lets ann say something, and waits until the other node has told of it.
func (x *company) said() int64 {
	x.t.Helper()
	seq := x.ann.answer(x.command(`{"type":"send","id":"said","room":"ROOM","body":"first"}`)).Seq
	for _, k := range []*talker{x.ben, x.second} {
		k.until(`"type":"message"`, `"room":"`+x.room+`"`, fmt.Sprintf(`"seq":%d,`, seq))
	}
	return seq
}

// history reads the room at the node of ben.
func (x *company) history(parts ...string) {
	x.t.Helper()
	x.ben.say(x.command(`{"type":"history","id":"h","room":"ROOM"}`))
	if page := x.ben.until(`"type":"history"`, `"id":"h"`); !containsAll(page, parts) {
		x.t.Errorf("history %s, want %q in it", page, parts)
	}
}

func (x *company) refused(k *talker, command, code string) {
	x.t.Helper()
	k.say(x.command(command))
	_, id, _ := strings.Cut(command, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	if answer := k.until(`"id":"` + id + `"`); !strings.Contains(answer, `"code":"`+code+`"`) {
		x.t.Errorf("%s: %s, want %s", command, answer, code)
	}
}

// What somebody does at one node is seen at another as if both were one.
func TestNodes_Acts(t *testing.T) {
	c := newCluster(t, 0, policies)
	for i, act := range acts {
		t.Run(act.name, func(t *testing.T) {
			x := c.company(t, fmt.Sprint("act", i))
			mine := *c
			mine.t = t
			x.cluster = &mine
			act.do(x)
		})
	}
	t.Run("marks never go back", func(t *testing.T) { marksNeverGoBack(t, c) })
	t.Run("a node without NOTIFY", func(t *testing.T) { withoutNotify(t, c) })
}

// Two sessions of a user at two nodes move the mark at the same time.
func marksNeverGoBack(t *testing.T, c *cluster) {
	const messages = 40
	said := dial(t, c.nodes[2], token(t, "eve"))
	said.join("marks")
	for i := range messages {
		said.answer(fmt.Sprintf(`{"type":"send","id":"s%d","room":"marks","body":"x"}`, i))
	}
	var newest atomic.Int64
	var reading sync.WaitGroup
	for i := range 2 {
		k := dial(t, c.nodes[i], token(t, "fay"))
		k.join("marks")
		reading.Go(func() {
			for n := range messages {
				seq := int64(1 + (n*7+i*3)%messages) // there and back
				before := newest.Load()
				k.say(fmt.Sprintf(`{"type":"read","id":"r%d","room":"marks","seq":%d}`, n, seq))
				var got struct{ Seq int64 }
				text := k.until(fmt.Sprintf(`"id":"r%d"`, n))
				if err := json.Unmarshal([]byte(text), &got); err != nil || got.Seq < max(before, seq) {
					t.Errorf("mark %d after %d: %s %v", seq, before, text, err)
					return
				}
				for old := newest.Load(); old < got.Seq && !newest.CompareAndSwap(old, got.Seq); old = newest.Load() {
				}
			}
		})
	}
	reading.Wait()
	again := dial(t, c.nodes[2], token(t, "fay"))
	again.say(`{"type":"join","id":"j","room":"marks"}`)
	again.until(`"type":"joined"`, fmt.Sprintf(`"read":%d,`, messages))
}

// A node that may not send hints reaches the others all the same: they ask once a second, and then wait a second for a
// hint that may be on its way.
func withoutNotify(t *testing.T, c *cluster) {
	p := c.db.primary()
	for _, line := range []string{
		"CREATE ROLE quiet LOGIN",
		"GRANT pg_read_all_stats TO quiet",
		"GRANT USAGE ON SCHEMA " + schema + " TO quiet",
		"GRANT SELECT ON ALL TABLES IN SCHEMA " + schema + " TO quiet",
		"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA " + schema + " TO quiet",
		"REVOKE EXECUTE ON FUNCTION pg_catalog.pg_notify(text, text) FROM PUBLIC",
	} {
		p.Exec(t, line)
	}
	x := c.nodes[2]
	x.stop(true)
	x.configure(c.storage, strings.Replace(c.db.dsn(2, c.network), "user=owner", "user=quiet", 1), limits+policies)
	x.start()
	x.ready()
	ann, ben := dial(t, x, token(t, "gil")), dial(t, c.nodes[0], token(t, "hal"))
	ann.join("quiet")
	ben.join("quiet")
	for i := range 5 {
		ann.answer(fmt.Sprintf(`{"type":"send","id":"q%d","room":"quiet","body":"word %d"}`, i, i))
		said := time.Now()
		ben.until(`"type":"message"`, fmt.Sprintf(`"word %d"`, i))
		c.within(t, said, 2500*time.Millisecond, "the message is there")
	}
	boss := dial(t, x, token(t, "boss", "role=boss"))
	began := time.Now()
	boss.say(`{"type":"kick","room":"quiet","user":"hal"}`)
	ben.until(`"type":"removed"`, `"code":"kicked"`)
	c.within(t, began, 6*time.Second, "the user is removed")
}
