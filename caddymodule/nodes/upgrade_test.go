//go:build linux

package nodes_test

import (
	"testing"
	"time"
)

// Three nodes are replaced under load, one after the other, by a new process: by SIGTERM, and by `caddy stop`. Each
// of them is then reloaded with a changed Caddyfile. With -from, the first processes are of another version, and for
// a while there are nodes of both. Each session of a node that ends is told so with bye, and nothing is
// lost or doubled. A reload ends no session.
func TestNodes_Upgrade(t *testing.T) {
	c := newCluster(t, 6, "", time.Minute) // nothing is cut here: only a node may end a connection, however busy the machine is
	c.speak()
	c.whole(time.Now())
	for i, x := range c.nodes {
		here := c.here(x)
		x.stop(i == 0)
		x.start()
		x.ready()
		for _, p := range here {
			c.eventually(p.name+" is told that its node stops", func() bool {
				p.mu.Lock()
				defer p.mu.Unlock()
				return p.byes["shutdown"] > 0 || p.lost > 0
			})
		}
		if len(here) == 0 {
			t.Errorf("nobody was at node %d: that proves nothing", i)
		}
		c.whole(time.Now())
	}
	before := c.connections()
	for _, x := range c.nodes {
		x.configure(c.storage, x.dsn, limits+policies)
		x.reload()
		c.whole(time.Now())
	}
	if after := c.connections(); after != before {
		t.Errorf("reloads have ended %d connections", after-before)
	}
	settle(t, c.persons)
	c.end()
	byes := 0
	for _, p := range c.persons {
		byes += p.byes["shutdown"]
		if p.lost > 0 || len(p.byes) > 1 {
			t.Errorf("%s has lost %d connections without bye, and was told %v", p.name, p.lost, p.byes)
		}
	}
	t.Logf("%d messages were acknowledged, and %d times was somebody told that a node stops", judge(t, c.persons, false), byes)
	if byes < len(c.persons) {
		t.Errorf("bye was heard %d times by %d persons", byes, len(c.persons))
	}
}

// here are the persons who are at a node.
func (c *cluster) here(x *node) (list []*person) {
	for _, p := range c.persons {
		p.mu.Lock()
		if c.nodes[p.at] == x {
			list = append(list, p)
		}
		p.mu.Unlock()
	}
	return list
}

func (c *cluster) connections() (n int) {
	for _, p := range c.persons {
		p.mu.Lock()
		n += p.conns
		p.mu.Unlock()
	}
	return n
}
