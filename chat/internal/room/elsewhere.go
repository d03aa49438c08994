package room

import (
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Elsewhere is what another node tells of one room.
type Elsewhere struct {
	Node    string
	All     bool     // nobody else is there
	Changes []Change // in order
}

// Change is one user at another node who has come, or gone.
type Change struct {
	User  journal.User
	Gone  bool
	Asked bool // somebody wanted it: otherwise the connection was lost
}

// Hear says what another node tells of a room. It waits for nothing.
func (rs *Rooms) Hear(name string, e Elsewhere) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r := rs.rooms[name]; r != nil {
		r.do(func() { r.hear(&e) })
	}
}

// NodeGone says that another node has no users any more.
func (rs *Rooms) NodeGone(node string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.rooms {
		r.do(func() { r.hear(&Elsewhere{Node: node, All: true}) })
	}
}

// Tell calls f for the users who are in a room at this node, in order with the calls of
// Roll. It waits for nothing.
func (rs *Rooms) Tell(name string, f func(here []journal.User)) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.rooms[name]
	if r == nil { // one that is opened later tells later
		f(nil)
		return
	}
	r.do(func() {
		var here []journal.User
		for _, u := range r.audience.presence.users {
			if len(u.receivers) > 0 {
				here = append(here, u.user)
			}
		}
		f(here)
	})
}

// Open returns the names of all rooms.
func (rs *Rooms) Open() []string {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	names := make([]string, 0, len(rs.rooms))
	for name := range rs.rooms {
		names = append(names, name)
	}
	return names
}

// IsOpen reports whether there is such a room.
func (rs *Rooms) IsOpen(name string) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.rooms[name] != nil
}

// hear is called by the room's worker.
func (r *Room) hear(e *Elsewhere) {
	p, away := &r.audience.presence, r.rooms.settings.Load().AwayDelay
	report := false
	gone := func(id string, asked bool) {
		switch u, last := p.leaveNode(id, e.Node); {
		case !last:
		case asked || away <= 0 || len(r.audience.receivers) == 0:
			p.count--
			report = p.note(u) || report
		default:
			r.loseUser(u, away, access.Person{User: e.Node})
		}
	}
	if e.All {
		stays := map[string]bool{}
		for _, c := range e.Changes {
			stays[c.User.ID] = !c.Gone
		}
		for id, nodes := range p.elsewhere {
			if nodes[e.Node] && !stays[id] {
				gone(id, false)
			}
		}
	}
	for _, c := range e.Changes {
		if c.Gone {
			gone(c.User.ID, c.Asked)
			continue
		}
		report = p.arriveAt(c.User, e.Node) || report
	}
	if len(r.audience.receivers) == 0 { // nobody is told: who comes is told how many there are
		p.report()
		return
	}
	if report {
		r.reportSoon()
	}
}

// arriveAt notes that a user is at another node. It reports whether a report is due.
func (p *presence) arriveAt(u journal.User, node string) (report bool) {
	nodes := p.elsewhere[u.ID]
	if nodes == nil {
		nodes = map[string]bool{}
		if p.elsewhere == nil {
			p.elsewhere = map[string]map[string]bool{}
		}
		p.elsewhere[u.ID] = nodes
	}
	nodes[node] = true
	user := p.come(u)
	user.elsewhere = true
	return p.note(user)
}

// leaveNode notes that a user is not at another node any more. last says that the user was
// there, and is nowhere else.
func (p *presence) leaveNode(id, node string) (u *presentUser, last bool) {
	nodes := p.elsewhere[id]
	if !nodes[node] {
		return nil, false
	}
	if delete(nodes, node); len(nodes) > 0 {
		return nil, false
	}
	delete(p.elsewhere, id)
	u = p.users[id]
	u.elsewhere = false
	return u, len(u.receivers) == 0
}
