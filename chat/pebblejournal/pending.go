package pebblejournal

import (
	"slices"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
)

// inHand are the groups between the queue and their answers. When Close gives up, it
// answers them in the place of the dispatcher.
type inHand struct {
	mu     sync.Mutex // guards the rest, and the held groups
	groups []*heldGroup
	gaveUp bool
}

// heldGroup is a group in hand. Its items belong to the committer, so it has copies of
// what must be called.
type heldGroup struct {
	group    *commit.Group // nil: this one is free
	done     []func(journal.Receipt, error)
	answered bool
}

// hold takes a group in hand. It returns false after giveUp: nothing of it may be
// written any more.
func (h *inHand) hold(g *commit.Group) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gaveUp {
		return false
	}
	held := h.findLocked(nil)
	if held == nil {
		held = &heldGroup{}
		h.groups = append(h.groups, held)
	}
	held.set(g)
	return true
}

func (held *heldGroup) set(g *commit.Group) {
	held.group = g
	clear(held.done)
	held.done = held.done[:0]
	for i := range g.Items {
		held.done = append(held.done, g.Items[i].Done)
	}
}

func (h *inHand) findLocked(g *commit.Group) *heldGroup {
	for _, held := range h.groups {
		if held.group == g {
			return held
		}
	}
	return nil
}

// reduce calls f, which removes items from the group, unless these are answered.
func (h *inHand) reduce(g *commit.Group, f func(*commit.Group)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	held := h.findLocked(g)
	if held != nil && held.answered {
		return
	}
	f(g)
	if held != nil {
		held.set(g)
	}
}

// release lets go of a group. It returns false if giveUp has answered its items.
func (h *inHand) release(g *commit.Group) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	held := h.findLocked(g)
	if held == nil {
		return true
	}
	answered := held.answered
	clear(held.done)
	*held = heldGroup{done: held.done[:0]}
	return !answered
}

// giveUp returns what must be called for the groups in hand. It becomes the caller's to
// do so.
func (h *inHand) giveUp() (done []func(journal.Receipt, error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gaveUp = true
	for _, held := range h.groups {
		if held.group != nil && !held.answered {
			held.answered = true
			done = append(done, held.done...)
		}
	}
	return done
}

// unresolved is what a failure of the disk leaves behind until the store is open
// again.
type unresolved struct {
	mu    sync.Mutex    // guards the rest
	items []commit.Item // unanswered, because it is not certain whether they are recorded
	lost  *journal.Lost // what followers must be told, because the store has lost something
}

func (u *unresolved) addLost(l journal.Lost) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lost = &l
}

func (u *unresolved) removeLost() *journal.Lost {
	u.mu.Lock()
	defer u.mu.Unlock()
	lost := u.lost
	u.lost = nil
	return lost
}

// takeUncertain moves the items of g that may or may not be recorded here. Maintenance is
// answered at once: it must not wait for the store to be opened again, because it does that.
func (u *unresolved) takeUncertain(g *commit.Group) {
	u.mu.Lock()
	defer u.mu.Unlock()
	answered := g.Items[:0]
	for _, it := range g.Items {
		uncertain := it.Written || it.Original != nil
		if uncertain && !it.Maintenance {
			u.items = append(u.items, it)
			continue
		} else if uncertain {
			it.Err = journal.ErrUncertain
		}
		answered = append(answered, it)
	}
	g.Items = answered
}

// hasKey reports whether it is not certain whether an entry with that key is recorded.
func (u *unresolved) hasKey(hash format.KeyHash) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.ContainsFunc(u.items, func(it commit.Item) bool { return it.IsEntry() && it.Hash == hash })
}

func (u *unresolved) removeItems() []commit.Item {
	u.mu.Lock()
	defer u.mu.Unlock()
	items := u.items
	u.items = nil
	return items
}

// dueMax bounds the rooms in dueRooms. If there are more, all rooms of the store
// are checked.
const dueMax = 16 << 10

// dueRooms are the rooms that have grown since their retention was checked.
type dueRooms struct {
	mu    sync.Mutex // guards the rest
	names map[string]struct{}
	all   bool // there were more than dueMax
}

func (d *dueRooms) add(room string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case len(d.names) >= dueMax:
		d.all = true
	case d.names == nil:
		d.names = map[string]struct{}{room: {}}
	default:
		d.names[room] = struct{}{}
	}
}

// remove empties d and returns what was in it. all says that every room of the
// store is due.
func (d *dueRooms) remove() (names map[string]struct{}, all bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	names, all = d.names, d.all
	d.names, d.all = nil, false
	return names, all
}
