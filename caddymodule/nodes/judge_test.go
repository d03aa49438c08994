//go:build linux

package nodes_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// settle waits until nothing that was sent is unanswered and everybody has heard everything.
func settle(t *testing.T, persons []*person) {
	t.Helper()
	for _, p := range persons {
		p.mu.Lock()
		p.quiet = true
		p.mu.Unlock()
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		waits := ""
		newest := map[string]int64{}
		for _, p := range persons {
			p.mu.Lock()
			if len(p.pending) > 0 {
				waits = fmt.Sprintf("%s has no answer to %s", p.name, p.pending[0].key)
			}
			for _, m := range p.acked {
				newest[m.room] = max(newest[m.room], m.seq)
			}
			p.mu.Unlock()
		}
		for _, p := range persons {
			p.mu.Lock()
			for room, seq := range newest {
				if h := p.rooms[room]; h.last < seq {
					waits = fmt.Sprintf("%s has heard of %s up to %d of %d", p.name, room, h.last, seq)
				}
			}
			p.mu.Unlock()
		}
		if waits == "" {
			return
		}
		if time.Since(began) > deadlock {
			t.Fatal("a deadlock: " + waits)
		}
	}
}

// judge compares what all were told: each acknowledged message is there once, under the number that was answered, and
// all have one order. gaps says whether somebody may have been told of a gap. It returns how many were acknowledged.
func judge(t *testing.T, persons []*person, gaps bool) (acked int) {
	t.Helper()
	acked, faults := compare(persons, gaps)
	for _, text := range faults[:min(len(faults), 20)] {
		t.Error(text)
	}
	return acked
}

// compare is judge without a test.
func compare(persons []*person, gaps bool) (acked int, faults []string) {
	type place struct {
		room, epoch string
		seq         int64
	}
	all := map[place]string{}   // the key
	where := map[string]place{} // by key
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for _, p := range persons {
		p.mu.Lock()
		defer p.mu.Unlock()
		faults = append(faults, p.wrong...)
		for room, h := range p.rooms {
			if h.gaps > 0 && !gaps {
				fault("%s was told of %d gaps in %s", p.name, h.gaps, room)
			}
			for epoch, keys := range h.keys {
				if h.gaps == 0 && int64(len(keys)) != h.last {
					fault("%s has a hole: %d entries of %s, and the newest is %d", p.name, len(keys), room, h.last)
				}
				for seq, key := range keys {
					at := place{room, epoch, seq}
					if old, known := all[at]; known && old != key {
						fault("entry %d of %s is %s for %s, and %s for others", seq, room, key, p.name, old)
					}
					if old, known := where[key]; known && old != at && (!gaps || old.epoch == epoch) {
						fault("%s is doubled: %v and %v", key, old, at)
					}
					all[at], where[key] = key, at
				}
			}
		}
	}
	for _, p := range persons {
		acked += len(p.acked)
		for _, m := range p.acked {
			if at, known := where[m.key]; !gaps && (!known || at.seq != m.seq || at.room != m.room) {
				fault("%s was acknowledged as %d of %s, and is %v", m.key, m.seq, m.room, at)
			}
		}
	}
	return acked, faults
}

// The judge finds what it is there for.
func TestJudge_FindsEachFault(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(a, b *person)
		want  string // "": nothing is wrong
	}{
		"nothing":        {func(_, _ *person) {}, ""},
		"lost":           {func(a, _ *person) { a.acked = append(a.acked, &said{room: "one", key: "a-3", seq: 4}) }, "a-3 was acknowledged as 4 of one"},
		"another number": {func(a, _ *person) { a.acked[0].seq = 2 }, "a-1 was acknowledged as 2 of one"},
		"another room":   {func(a, _ *person) { a.acked[0].room = "two" }, "a-1 was acknowledged as 1 of two"},
		"doubled":        {func(a, b *person) { hears(a, "one", 4, "b-1"); hears(b, "one", 4, "b-1") }, "b-1 is doubled"},
		"a hole":         {func(_, b *person) { delete(b.rooms["one"].keys["e"], 2) }, "b has a hole"},
		"another order":  {func(_, b *person) { hears(b, "one", 1, "b-1"); hears(b, "one", 2, "a-1") }, "entry 1 of one is b-1 for b"},
		"a gap":          {func(a, _ *person) { a.rooms["one"].gaps = 1 }, "a was told of 1 gaps in one"},
		"what a session saw": {func(a, _ *person) {
			s := &personSession{person: a}
			s.takeLocked(a.rooms["one"], &frame{Seq: 5, Key: "b-9"})
		}, "entry 5 comes after 3"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newPerson(t, nil, "a", "", 0), newPerson(t, nil, "b", "", 0)
			for _, p := range []*person{a, b} {
				for i, key := range []string{"a-1", "b-1", "a-2"} {
					hears(p, "one", int64(i+1), key)
				}
			}
			a.acked = []*said{{room: "one", key: "a-1", seq: 1}, {room: "one", key: "a-2", seq: 3}}
			b.acked = []*said{{room: "one", key: "b-1", seq: 2}}
			test.spoil(a, b)
			_, faults := compare([]*person{a, b}, false)
			if found := strings.Join(faults, "\n"); test.want == "" && found != "" || !strings.Contains(found, test.want) {
				t.Errorf("found %q, want %q", found, test.want)
			}
		})
	}
}

// hears lets a person have heard an entry.
func hears(p *person, room string, seq int64, key string) {
	h := p.rooms[room]
	if h.keys["e"] == nil {
		h.epoch, h.keys["e"] = "e", map[int64]string{}
	}
	h.keys["e"][seq], h.last = key, max(h.last, seq)
}
