//go:build linux

package nodes_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// hangs is for how long a node sends nothing that others take for dead, although it is not: beside much load. It is less
// than it takes, since its last sign of life may be older.
const hangs = 5 * time.Second

// delivered is what is wrong with what a receiver was sent by processes, of which some have died at these times, against
// what the journal has of each room and epoch: keys by number. It also counts how often another process went on, and how
// many entries came again.
func delivered(got []*testcaddy.Delivery, deaths map[string]time.Time, want map[string]map[int64]string) (faults []string, changes, repeats int) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	seen, newest := map[string]map[int64]string{}, map[string]int64{}
	byID, last := map[string]string{}, map[string]*testcaddy.Delivery{}
	for _, d := range got {
		var list []string
		for _, e := range d.Body.Events {
			if e.Entry == nil {
				fault("%s has the gap %s", d.ID, e.Gap)
				continue
			}
			room, seq := e.Entry.Room+" "+cmp.Or(e.Entry.Epoch, d.Body.Epoch), int64(e.Entry.Seq)
			list = append(list, fmt.Sprint(room, " ", seq))
			if seen[room] == nil {
				seen[room] = map[int64]string{}
			}
			key, again := seen[room][seq]
			switch {
			case again && key != e.Entry.Key:
				fault("%s: %d of %s is %s, and was %s", d.ID, seq, room, e.Entry.Key, key)
			case again:
				repeats++
			case seq <= newest[room]:
				fault("%s: %d of %s comes first behind %d", d.ID, seq, room, newest[room])
			}
			seen[room][seq], newest[room] = e.Entry.Key, max(newest[room], seq)
		}
		if before, again := byID[d.ID]; again && before != fmt.Sprint(list) {
			fault("%s has %q, and had %s", d.ID, list, before)
		}
		byID[d.ID] = fmt.Sprint(list)
		part := partOf(d)
		if before := last[part]; before != nil {
			if d.Began.Before(before.Stored) {
				fault("%s came while %s was under way", d.ID, before.ID)
			}
			if d.Path != before.Path {
				changes++
				dead, ok := deaths[before.Path]
				hung := d.Began.Sub(before.Stored) > hangs
				if (!ok || dead.After(d.Began)) && !hung {
					fault("%s is of %s, and %s, which sent before, was not dead", d.ID, d.Path, before.Path)
				}
			}
			if position(d.Body.From) < position(before.Body.From) {
				fault("%s came behind %s: more than one batch comes again", d.ID, before.ID)
			}
		}
		last[part] = d
	}
	for room, keys := range want {
		for seq, key := range keys {
			if has, ok := seen[room][seq]; !ok || has != key {
				fault("%d of %s is %s, and the receiver has %q", seq, room, key, has)
			}
		}
		if len(seen[room]) != len(keys) {
			fault("%s has %d entries, and the receiver has %d", room, len(keys), len(seen[room]))
		}
	}
	return faults, changes, repeats
}

func partOf(d *testcaddy.Delivery) string {
	return d.Body.From[:max(0, strings.LastIndex(d.Body.From, "-"))]
}

// position is the number in a position.
func position(text string) (n uint64) {
	_, _ = fmt.Sscan(text[strings.LastIndex(text, "-")+1:], &n)
	return n
}

// recorded is what the persons have of all rooms, who have one order.
func recorded(persons []*person) map[string]map[int64]string {
	all := map[string]map[int64]string{}
	for _, p := range persons {
		p.mu.Lock()
		for room, h := range p.rooms {
			all[room+" "+h.epoch] = h.keys[h.epoch]
		}
		p.mu.Unlock()
	}
	return all
}

// Three nodes have one webhook. They and its receiver are killed at random moments, while people at all of them talk.
// The receiver's record has the whole of each room, in its order, and nothing else; of a part one node sends at a time,
// another one goes on when it has died, and at most the batch that was under way comes again.
func TestNodes_Webhook_EachEndKilled_LosesNothing(t *testing.T) {
	number := cmp.Or(*seed, rand.Uint64()>>32)
	t.Logf("seed %d", number)
	r := testcaddy.NewReceiver(t)
	r.Pause = 50 * time.Millisecond // so that somebody is killed in the middle of a request
	r.Start()
	c := newClusterIn(t, newProxies(t), 6, "webhook orders http://"+r.Addr+"/{$CHAT_TEST_LIFE} {\nprivate\nsecret "+testcaddy.HookSecret+"\nbatch 20 1ms\n}\n")
	rnd := rand.New(rand.NewPCG(number, 0))
	c.speak()
	deaths := map[string]time.Time{} // by path
	c.eventually("the webhook sends", func() bool { return len(r.Stored()) > 0 })
	proven := func() bool {
		_, changes, repeats := delivered(r.Stored(), deaths, nil)
		return changes > 0 && repeats > 0
	}
	for n := 0; n < *kills || n < 5**kills && !proven(); n++ { // chance may be that no kill is in the middle of a request
		last := map[string]string{} // who sent of each part
		for _, d := range r.Stored() {
			last[partOf(d)] = d.Path
		}
		lasts(rnd, 0, time.Second)
		victim := n%(nodesOfAll+1) - 1 // each in turn
		if victim < 0 {
			r.Kill()
		} else {
			c.nodes[victim].kill()
		}
		killed := time.Now()
		if victim >= 0 {
			deaths["/"+c.nodes[victim].life()] = killed
		}
		comesBack := func() {
			if victim < 0 {
				r.Start()
			} else {
				c.nodes[victim].start()
				c.nodes[victim].ready()
			}
		}
		early := victim < 0 || rnd.IntN(2) == 0
		if early { // or when others have taken over
			lasts(rnd, 0, time.Second)
			comesBack()
		}
		c.eventually("the webhook goes on", func() bool {
			time.Sleep(200 * time.Millisecond)
			waiting := maps.Clone(last)
			for _, d := range r.Stored() {
				if d.Began.After(killed) {
					delete(waiting, partOf(d))
				}
			}
			return len(waiting) == 0
		})
		if !early {
			comesBack()
		}
	}
	c.whole(time.Now())
	settle(t, c.persons)
	want := recorded(c.persons)
	var faults []string
	changes, repeats := 0, 0
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		faults, changes, repeats = delivered(r.Stored(), deaths, want)
		if len(faults) == 0 || time.Since(began) > deadlock {
			break
		}
	}
	for _, text := range faults[:min(len(faults), 20)] {
		t.Error(text)
	}
	if changes == 0 || repeats == 0 {
		t.Errorf("%d times another node went on, and %d entries came again: that proves nothing", changes, repeats)
	}
	c.end()
	t.Logf("%d messages were acknowledged; %d requests of the webhook, %d entries came again, %d times another node went on; %d kills",
		judge(t, c.persons, false), len(r.Stored()), repeats, changes, *kills)
}

// What is judged of a webhook finds what it is there for.
func TestDelivered_FindsEachFault(t *testing.T) {
	began := time.Now()
	sent := func(path, from, to string, at int, room string, seqs ...uint64) *testcaddy.Delivery {
		d := &testcaddy.Delivery{Path: path, ID: "orders.e-" + from + ".e-" + to, Began: began.Add(time.Duration(at) * time.Second)}
		d.Stored = d.Began.Add(time.Millisecond)
		d.Body.Epoch, d.Body.From, d.Body.To = "e", "e-"+from, "e-"+to
		for _, seq := range seqs {
			d.Body.Events = append(d.Body.Events, struct {
				Entry *testcaddy.DeliveredEntry
				Gap   json.RawMessage
			}{Entry: &testcaddy.DeliveredEntry{Room: room, Seq: seq, Key: fmt.Sprint("k", seq)}})
		}
		return d
	}
	dead := map[string]time.Time{"/0": began.Add(3 * time.Second)}
	for name, test := range map[string]struct {
		got  []*testcaddy.Delivery
		want string // "": nothing is wrong
	}{
		"nothing":           {[]*testcaddy.Delivery{sent("/0", "1-0", "1-2", 1, "tea", 1, 2), sent("/0", "1-2", "1-3", 2, "tea", 3)}, ""},
		"again":             {[]*testcaddy.Delivery{sent("/0", "1-0", "1-2", 1, "tea", 1, 2), sent("/1", "1-0", "1-3", 5, "tea", 1, 2, 3)}, ""},
		"lost":              {[]*testcaddy.Delivery{sent("/0", "1-0", "1-2", 1, "tea", 1, 2)}, "3 of tea e is k3"},
		"lost in between":   {[]*testcaddy.Delivery{sent("/0", "1-0", "1-2", 1, "tea", 1, 3)}, "2 of tea e is k2"},
		"another order":     {[]*testcaddy.Delivery{sent("/0", "1-0", "1-2", 1, "tea", 1, 3), sent("/0", "1-2", "1-3", 2, "tea", 2)}, "2 of tea e comes first behind 3"},
		"too many":          {[]*testcaddy.Delivery{sent("/0", "1-0", "1-4", 1, "tea", 1, 2, 3, 4)}, "tea e has 3 entries, and the receiver has 4"},
		"another batch":     {[]*testcaddy.Delivery{sent("/0", "1-0", "1-3", 1, "tea", 1, 2), sent("/0", "1-0", "1-3", 2, "tea", 1, 2, 3)}, "orders.e-1-0.e-1-3 has"},
		"two at a time":     {[]*testcaddy.Delivery{sent("/0", "1-0", "1-3", 1, "tea", 1, 2, 3), sent("/0", "1-3", "1-4", 1, "cup")}, "was under way"},
		"two, of two parts": {[]*testcaddy.Delivery{sent("/0", "1-0", "1-3", 1, "tea", 1, 2, 3), sent("/1", "2-3", "2-4", 1, "cup")}, ""},
		"too far back":      {[]*testcaddy.Delivery{sent("/0", "1-0", "1-2", 1, "tea", 1, 2), sent("/0", "1-2", "1-3", 2, "tea", 3), sent("/1", "1-0", "1-2", 5, "tea", 1, 2)}, "more than one batch comes again"},
		"two nodes":         {[]*testcaddy.Delivery{sent("/0", "1-0", "1-2", 1, "tea", 1, 2), sent("/1", "1-2", "1-3", 2, "tea", 3)}, "/0, which sent before, was not dead"},
	} {
		t.Run(name, func(t *testing.T) {
			faults, _, _ := delivered(test.got, dead, map[string]map[int64]string{"tea e": {1: "k1", 2: "k2", 3: "k3"}})
			if found := strings.Join(faults, "\n"); test.want == "" && found != "" || !strings.Contains(found, test.want) {
				t.Errorf("found %q, want %q", found, test.want)
			}
		})
	}
}
