//go:build linux

package nodes_test

import (
	"testing"
	"time"
)

// toldIn bounds how long it takes until every session is told that the store was rolled back, from when the server is there.
const toldIn = 6 * time.Second

// A standby is promoted that lacks what was acknowledged: the sessions of all nodes lose their connection, come back, and
// get a gap and a new epoch in every room. Numbers go on, and so do read marks.
func TestNodes_Rollback(t *testing.T) {
	c := newCluster(t, 6, "")
	newest := map[string]int64{}
	grown := func() bool { // a quick machine settles before somebody has spoken in each room
		for _, p := range c.persons {
			p.mu.Lock()
			for room, h := range p.rooms {
				if h.last <= newest[room] {
					p.mu.Unlock()
					return false
				}
			}
			p.mu.Unlock()
		}
		return true
	}
	c.speak()
	c.eventually("each room has messages", grown)
	c.whole(time.Now())
	settle(t, c.persons)
	standby := c.db.row[1]
	c.db.await(c.db.primary(), "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_flush_lsn()")
	first := c.persons[0]
	first.mu.Lock()
	for room, h := range first.rooms {
		newest[room] = h.last
	}
	first.mu.Unlock()
	reader := dial(t, c.nodes[1], token(t, "reader"))
	reader.join("one")
	reader.say(`{"type":"read","id":"1","room":"one","seq":1}`)
	reader.until(`"type":"ok"`, `"id":"1"`)
	c.db.await(c.db.primary(), "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_flush_lsn()")

	// From here on the standby is behind, and nobody waits for it: the nodes demand one, so another one is there.
	standby.Set(t, "primary_conninfo", " ")
	c.db.await(standby, "SELECT 1 - count(*) FROM pg_stat_wal_receiver")
	other := c.db.primary().Standby("max_connections=300") // as many as the primary, or it does not start
	defer other.Remove()
	c.db.streams()
	began := time.Now()
	c.speak()
	c.eventually("each room has more", grown)
	c.whole(began)
	settle(t, c.persons)
	epochs := map[string]string{}
	for _, p := range c.persons {
		p.mu.Lock()
		for room, h := range p.rooms {
			if h.gaps > 0 || h.last <= newest[room] {
				t.Errorf("%s: %d gaps in %s, which ends with %d and had %d", p.name, h.gaps, room, h.last, newest[room])
			}
			epochs[room] = h.epoch
		}
		p.mu.Unlock()
	}
	c.db.primary().Kill()
	c.db.promote()
	promoted := time.Now()
	var ended, took time.Duration // until the connections have ended, and until all are back
	for _, p := range c.persons {
		c.eventually(p.name+" loses the connection", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.byes["unavailable"]+p.lost > 0
		})
	}
	ended = time.Since(promoted)
	for _, p := range c.persons {
		c.eventually(p.name+" is told of the gap", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			for room, h := range p.rooms {
				if h.gaps == 0 || h.epoch == epochs[room] {
					return false
				}
			}
			return true
		})
		took = max(took, time.Since(promoted))
	}
	ok, slowness, _ := c.busy.allows(promoted)
	t.Logf("all connections have ended within %v, all were back within %v; threads took %.1f times as long", ended, took, slowness)
	if ok && (ended > toldIn || took > toldIn+2*time.Second) { // they come back after up to a second, and say hello
		t.Errorf("it took %v until all were told, and %v until they were back", ended, took)
	}
	c.speak()
	c.whole(promoted)
	for _, p := range c.persons {
		p.mu.Lock()
		for room, h := range p.rooms {
			if h.last < newest[room] || h.gaps != 1 {
				t.Errorf("%s: %s has %d gaps and ends with %d, and had %d before", p.name, room, h.gaps, h.last, newest[room])
			}
		}
		p.mu.Unlock()
	}
	again := dial(t, c.nodes[2], token(t, "reader"))
	again.say(`{"type":"join","id":"j","room":"one"}`)
	again.until(`"type":"joined"`, `"read":1,`)
	settle(t, c.persons)
	c.end()
	judge(t, c.persons, true)
}
