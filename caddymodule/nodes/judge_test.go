//go:build linux

package nodes_test

import (
	"fmt"
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
	type place struct {
		room, epoch string
		seq         int64
	}
	all := map[place]string{}   // the key
	where := map[string]place{} // by key
	told := 0
	fault := func(format string, args ...any) {
		if told++; told < 20 {
			t.Errorf(format, args...)
		}
	}
	for _, p := range persons {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, text := range p.wrong {
			fault("%s", text)
		}
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
			if at, known := where[m.key]; !gaps && (!known || at.seq != m.seq) {
				fault("%s was acknowledged as %d of %s, and is %v", m.key, m.seq, m.room, at)
			}
		}
	}
	return acked
}
