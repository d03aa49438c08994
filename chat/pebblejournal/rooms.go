package pebblejournal

import (
	"container/list"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// recentMax is how many of a room's newest entries are kept in memory at least,
// once they have passed; twice as many at most.
const recentMax = 64

// roomCost is what a room counts for in memory beside its entries.
const roomCost = 512

// memoryCost is what an entry counts for in memory.
func memoryCost(e *journal.Entry) int64 {
	return int64(len(e.Body)+len(e.Key)+len(e.From.ID)+len(e.From.Name)+len(e.From.Avatar)) + 224
}

// rooms are the rooms that memory knows: those in use and those used last. What
// it doesn't know it loads from the store.
type rooms struct {
	limit int64 // of cost

	mu     sync.Mutex // guards the rest and, of every room, what says so
	byName map[string]*room
	order  *list.List // of *room, the last used first
	cost   int64
}

// room is one of them.
type room struct {
	name  string
	ready chan struct{} // closed once the room is loaded, or failed to

	// Guarded by rooms.mu.
	pins   int // users; it is not forgotten while there are any
	place  *list.Element
	failed error           // set before ready is closed
	head   head            // as it is durable
	recent []journal.Entry // the newest ones, without holes, up to head.last
	cost   int64

	// Owned by the committer, while the room is in its group.
	joined  bool // it is in the group
	was     head // as it stood before the group
	next    head // as it will be with the group
	fresh   []freshEntry
	erased  []journal.Seq // recalled by the group, of those before fresh
	moved   bool          // its head is to be written
	checked journal.Seq   // next.last when retention was last thought of
}

// freshEntry is an entry of a group not yet written.
type freshEntry struct {
	journal.Entry
	end   uint64
	claim claim
}

func newRooms(limit int64) *rooms {
	return &rooms{limit: limit, byName: map[string]*room{}, order: list.New()}
}

// pin returns the room, loaded with load if memory doesn't know it. The caller
// must unpin it. Two who want the same room load it once.
func (c *rooms) pin(name string, load func(room string) (head, error)) (*room, error) {
	c.mu.Lock()
	r := c.byName[name]
	if r != nil {
		r.pins++
		c.order.MoveToFront(r.place)
		c.mu.Unlock()
		<-r.ready
		if r.failed != nil {
			return nil, r.failed
		}
		return r, nil
	}
	r = &room{name: name, ready: make(chan struct{}), pins: 1, cost: roomCost}
	r.place = c.order.PushFront(r)
	c.byName[name] = r
	c.cost += r.cost
	c.mu.Unlock()

	h, err := load(name)

	c.mu.Lock()
	r.head, r.failed = h, err
	if err != nil {
		c.forgetLocked(r)
	}
	c.shrinkLocked()
	c.mu.Unlock()
	close(r.ready)
	return r, err
}

func (c *rooms) unpin(rs ...*room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rs {
		r.pins--
	}
	c.shrinkLocked()
}

// forgetLocked lets go of a room; those who have it pinned may go on with it.
func (c *rooms) forgetLocked(r *room) {
	if c.byName[r.name] == r {
		delete(c.byName, r.name)
		c.order.Remove(r.place)
		c.cost -= r.cost
	}
}

// shrinkLocked keeps to the limit.
func (c *rooms) shrinkLocked() {
	for at := c.order.Back(); at != nil && c.cost > c.limit; {
		r := at.Value.(*room)
		at = at.Prev()
		if r.pins == 0 {
			c.forgetLocked(r)
		}
	}
}

// stand returns how the room stands.
func (c *rooms) stand(r *room) head {
	c.mu.Lock()
	defer c.mu.Unlock()
	return r.head
}

// lookUp returns how the room stands, if memory knows it.
func (c *rooms) lookUp(name string) (at head, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.byName[name]
	if r == nil || r.head.first == 0 { // being loaded
		return head{}, false
	}
	return r.head, true
}

// hide moves the room's beginning up, before what is below is deleted; lowering
// it again undoes that.
func (c *rooms) hide(r *room, to head) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.head.first, r.head.firstAt, r.head.base = to.first, to.firstAt, to.base
	c.dropRecentLocked(r, r.head.first)
}

// publish makes what the committer wrote visible.
func (c *rooms) publish(rs []*room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rs {
		for _, seq := range r.erased {
			c.eraseRecentLocked(r, seq)
		}
		for i := range r.fresh {
			c.addRecentLocked(r, r.fresh[i].Entry)
		}
		r.head = r.next
		c.dropRecentLocked(r, r.head.first)
	}
}

func (c *rooms) addRecentLocked(r *room, e journal.Entry) {
	r.recent = append(r.recent, e)
	c.growLocked(r, memoryCost(&e))
	if len(r.recent) >= 2*recentMax {
		c.dropRecentLocked(r, e.Seq-recentMax+1)
	}
	for len(r.recent) > 0 && r.cost > max(c.limit/8, 64<<10) {
		c.dropRecentLocked(r, r.recent[0].Seq+journal.Seq(len(r.recent)+1)/2)
	}
}

// dropRecentLocked forgets the recent entries below first.
func (c *rooms) dropRecentLocked(r *room, first journal.Seq) {
	n := 0
	for n < len(r.recent) && r.recent[n].Seq < first {
		c.growLocked(r, -memoryCost(&r.recent[n]))
		n++
	}
	if n == 0 {
		return
	}
	kept := copy(r.recent, r.recent[n:])
	clear(r.recent[kept:])
	r.recent = r.recent[:kept]
}

func (c *rooms) eraseRecentLocked(r *room, seq journal.Seq) {
	if len(r.recent) == 0 || seq < r.recent[0].Seq {
		return
	}
	e := &r.recent[seq-r.recent[0].Seq]
	c.growLocked(r, -int64(len(e.Body)))
	erase(e)
}

func (c *rooms) growLocked(r *room, n int64) {
	r.cost += n
	if c.byName[r.name] == r {
		c.cost += n
	}
}

// remember offers the newest entries of a room, read while it stood as at.
func (c *rooms) remember(r *room, at head, newest []journal.Entry) {
	newest = newest[max(0, len(newest)-recentMax):]
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.head != at || len(newest) <= len(r.recent) || newest[len(newest)-1].Seq != at.last {
		return
	}
	c.dropRecentLocked(r, at.last+1)
	for _, e := range newest {
		c.addRecentLocked(r, e)
	}
	c.shrinkLocked()
}

// erase takes the body out of a message.
func erase(e *journal.Entry) {
	e.Body, e.Text, e.Recalled = nil, false, true
}
