package pebblejournal

import (
	"container/list"
	"errors"
	"fmt"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
)

// recentMin is how many of a room's newest entries stay in memory once that many
// have been appended. Up to twice as many do.
const recentMin = 64

// roomCost is what a room counts for in the cache without its entries, in bytes.
const roomCost = 512

// entryCost is what an entry counts for in the cache, in bytes.
func entryCost(e *journal.Entry) int64 {
	return int64(len(e.Body)+len(e.Key)+len(e.From.ID)+len(e.From.Name)+len(e.From.Avatar)) + 224
}

// roomCache holds the rooms in use and those used last. Others are loaded from the
// store when they are needed.
type roomCache struct {
	limit int64 // of cost

	mu     sync.Mutex // guards the rest, and what says so in a room
	byName map[string]*room
	order  *list.List // of *room; the room used last is at the front
	cost   int64      // bytes
}

type room struct {
	name   string
	load   sync.Once
	failed error // of load; errNotLoaded before. Fixed once load is done

	// Guarded by roomCache.mu.
	pins    int // users; a room with pins is not evicted
	element *list.Element
	state   roomState       // as it is on disk
	recent  []journal.Entry // the newest ones, without holes, up to state.last
	cost    int64           // bytes

	// Owned by the committer, while the room is in its group.
	inGroup      bool
	before       roomState // without the group
	next         roomState // with the group so far
	added        []addedEntry
	erased       []journal.Seq // recalled by the group, among the entries before added
	stateChanged bool          // next must be written

	// Owned by the committer.
	checked journal.Seq // next.last when maintenance was last told of the room
}

// addedEntry is an entry of a group that is not written yet.
type addedEntry struct {
	journal.Entry
	end  uint64 // see appendEntry
	hash keyHash
}

// errNotLoaded is the error of a room whose loading goroutine was ended by Pebble.
var errNotLoaded = errors.New("the room could not be loaded")

func newRoomCache(limit int64) *roomCache {
	return &roomCache{limit: limit, byName: map[string]*room{}, order: list.New()}
}

// pin returns the room, and loads its state from h if the cache does not have it.
// The caller must unpin it. Goroutines that want the same room load it once.
func (c *roomCache) pin(name string, h *handle) (*room, error) {
	r := c.pinUnloaded(name)
	r.load.Do(func() {
		state, err := h.loadState(name)
		c.mu.Lock()
		defer c.mu.Unlock()
		r.state, r.failed = state, err
	})
	if r.failed != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.evictLocked(r)
		return nil, r.failed
	}
	return r, nil
}

func (c *roomCache) pinUnloaded(name string) *room {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.byName[name]
	if r == nil {
		r = &room{name: name, cost: roomCost, failed: errNotLoaded}
		r.element = c.order.PushFront(r)
		c.byName[name] = r
		c.cost += r.cost
		defer c.evictOldLocked()
	}
	r.pins++
	c.order.MoveToFront(r.element)
	return r
}

func (c *roomCache) unpin(rooms ...*room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rooms {
		r.pins--
	}
	c.evictOldLocked()
}

// evictLocked removes a room from the cache. Whoever has it pinned may go on
// using it.
func (c *roomCache) evictLocked(r *room) {
	if c.byName[r.name] == r {
		delete(c.byName, r.name)
		c.order.Remove(r.element)
		c.cost -= r.cost
	}
}

// evictOldLocked evicts the rooms that were not used for longest until the cache
// keeps to its limit.
func (c *roomCache) evictOldLocked() {
	for at := c.order.Back(); at != nil && c.cost > c.limit; {
		r := at.Value.(*room)
		at = at.Prev()
		if r.pins == 0 {
			c.evictLocked(r)
		}
	}
}

// stateOf returns the state of a pinned room.
func (c *roomCache) stateOf(r *room) roomState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return r.state
}

// cachedState returns the state of a room if the cache has it.
func (c *roomCache) cachedState(name string) (state roomState, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.byName[name]
	if r == nil || r.failed != nil {
		return roomState{}, false
	}
	return r.state, true
}

// setFirst changes which entry of the room readers see first. It must be raised
// before the entries below it are deleted, and may be lowered again if that fails.
func (c *roomCache) setFirst(r *room, to roomState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.state.first, r.state.firstAt, r.state.base = to.first, to.firstAt, to.base
	c.dropRecentLocked(r, r.state.first)
}

// showAdded makes the entries of a group that is on disk visible to readers.
func (c *roomCache) showAdded(rooms []*room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rooms {
		for _, seq := range r.erased {
			c.eraseRecentLocked(r, seq)
		}
		for i := range r.added {
			c.addRecentLocked(r, r.added[i].Entry)
		}
		r.state = r.next
		c.dropRecentLocked(r, r.state.first)
	}
}

func (c *roomCache) addRecentLocked(r *room, e journal.Entry) {
	r.recent = append(r.recent, e)
	c.addCostLocked(r, entryCost(&e))
	if len(r.recent) >= 2*recentMin {
		c.dropRecentLocked(r, e.Seq-recentMin+1)
	}
	// One room takes at most an eighth of the cache.
	for len(r.recent) > 0 && r.cost > max(c.limit/8, 64<<10) {
		c.dropRecentLocked(r, r.recent[0].Seq+journal.Seq(len(r.recent)+1)/2)
	}
}

// dropRecentLocked drops the recent entries below first.
func (c *roomCache) dropRecentLocked(r *room, first journal.Seq) {
	n := 0
	for n < len(r.recent) && r.recent[n].Seq < first {
		c.addCostLocked(r, -entryCost(&r.recent[n]))
		n++
	}
	if n == 0 {
		return
	}
	kept := copy(r.recent, r.recent[n:])
	clear(r.recent[kept:])
	r.recent = r.recent[:kept]
}

func (c *roomCache) eraseRecentLocked(r *room, seq journal.Seq) {
	if len(r.recent) == 0 || seq < r.recent[0].Seq {
		return
	}
	e := &r.recent[seq-r.recent[0].Seq]
	c.addCostLocked(r, -int64(len(e.Body)))
	erase(e)
}

func (c *roomCache) addCostLocked(r *room, n int64) {
	r.cost += n
	if c.byName[r.name] == r {
		c.cost += n
	}
}

// offerRecent gives the cache the newest entries of a room, which were read while
// its state was state. The cache takes them if they are still the newest ones and
// more than it has.
func (c *roomCache) offerRecent(r *room, state roomState, newest []journal.Entry) {
	newest = newest[max(0, len(newest)-recentMin):]
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.state != state || len(newest) <= len(r.recent) || newest[len(newest)-1].Seq != state.last {
		return
	}
	c.dropRecentLocked(r, state.last+1)
	for _, e := range newest {
		c.addRecentLocked(r, e)
	}
	c.evictOldLocked()
}

// erase removes the body of a message.
func erase(e *journal.Entry) {
	e.Body, e.Text, e.Recalled = nil, false, true
}

// loadState reads the state of a room from the store.
func (h *handle) loadState(name string) (roomState, error) {
	value, err := h.get(appendRoomKey(nil, name))
	if err != nil {
		return roomState{}, err
	}
	if value == nil {
		return roomState{first: 1}, nil
	}
	state, err := decodeState(value)
	if err != nil {
		return roomState{}, err
	}
	return state, h.findLast(name, &state)
}

// findLast completes a state with the newest entry: the state is written only when
// the room's first entry changes.
func (h *handle) findLast(name string, state *roomState) error {
	iter, err := h.db.NewIter(&pebble.IterOptions{
		LowerBound: entryKey(name, state.first),
		UpperBound: entryKey(name, 1<<63),
	})
	if err != nil {
		return err
	}
	defer iter.Close()
	if iter.Last() {
		m, err := decodeMeta(iter.Value())
		if err != nil {
			return err
		}
		state.last, state.lastAt, state.end = entrySeq(iter.Key()), m.at, m.end
	}
	return iter.Error()
}

// readMeta reads the entryMeta of one entry, which must exist.
func (h *handle) readMeta(room string, seq journal.Seq) (entryMeta, error) {
	value, err := h.get(entryKey(room, seq))
	if err != nil {
		return entryMeta{}, err
	}
	if value == nil {
		return entryMeta{}, fmt.Errorf("%w: an entry is missing", errDamaged)
	}
	return decodeMeta(value)
}
