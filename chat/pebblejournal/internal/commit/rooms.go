package commit

import (
	"container/list"
	"errors"
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/cockroachdb/pebble/v2"
)

// RecentMin is how many of a room's newest entries stay in memory once that many
// have been appended. Up to twice as many do.
const RecentMin = 64

// roomCost is what a room counts for in the cache without its entries, in bytes.
const roomCost = 512

// Rooms holds the rooms in use and those used last. Others are loaded from the
// store when they are needed.
type Rooms struct {
	limit int64                                                 // of cost; fixed
	load  func(pebble.Reader, string) (format.RoomState, error) // fixed

	mu     sync.Mutex // guards the rest, and what says so in a room
	byName map[string]*Room
	full   *list.List // of *Room: those that have entries in memory; the one used last is at the front
	idle   *list.List // of *Room: those that have none and that nobody uses, likewise
	cost   int64      // bytes
}

type Room struct {
	name     string
	loadOnce sync.Once
	failed   error // of loading; ErrNotLoaded before. Fixed once loadOnce is done

	// Guarded by Rooms.mu.
	pins    int              // users; a room with pins is not evicted
	follows int              // of the pins, those of Follow: the room's head is kept
	in      *list.List       // Rooms.full, Rooms.idle, or nil
	element *list.Element    // in that list
	state   format.RoomState // as it is on disk
	recent  []journal.Entry  // the newest ones, without holes, up to state.Last
	newest  *journal.Entry   // the newest counting entry, if it is not in recent and was asked for
	cost    int64            // bytes
	ending  chan struct{}    // closed when it is known whether the head goes; nil if nobody removes it

	// Owned by the committer, while the room is in its group.
	inGroup      bool
	before       format.RoomState // without the group
	next         format.RoomState // with the group so far
	added        []addedEntry
	changed      map[journal.Seq]*changedEntry // entries from before the group
	stateChanged bool                          // next must be written
	forgot       bool                          // the group removes the idempotency keys from before it
	dropped      bool                          // the group removes its head

	// Owned by the committer.
	clock   int64       // the newest time that was given to any entry, also to a transient one
	checked journal.Seq // next.Last when maintenance was last told of the room
}

// Recorded is an entry that a group records, and its receipt. They are those of an item.
type Recorded struct {
	Entry   *journal.Entry
	Receipt *journal.Receipt
}

// addedEntry is an entry of a group that is not written yet.
type addedEntry struct {
	Recorded
	hash   format.KeyHash // of its key
	keyed  bool           // it is the first one with its key
	meta   format.EntryMeta
	stored *journal.Entry // what is stored, if that is not what is delivered: an Edit has no body, and a recalled message neither
}

// entry returns what is stored.
func (a *addedEntry) entry() *journal.Entry {
	if a.stored != nil {
		return a.stored
	}
	return a.Entry
}

// changedEntry is an entry that the group has changed.
type changedEntry struct {
	journal.Entry
	meta format.EntryMeta
}

// ErrNotLoaded is the error of a room whose loading goroutine was ended by Pebble.
var ErrNotLoaded = errors.New("the room could not be loaded")

func NewRooms(limit int64, load func(pebble.Reader, string) (format.RoomState, error)) *Rooms {
	return &Rooms{limit: limit, load: load, byName: map[string]*Room{}, full: list.New(), idle: list.New()}
}

// Name returns the room's name.
func (r *Room) Name() string { return r.name }

// Pin returns the room, and loads its state from h if the cache does not have it.
// The caller must unpin it. Goroutines that want the same room load it once.
func (c *Rooms) Pin(name string, db pebble.Reader) (*Room, error) {
	c.mu.Lock()
	r := c.pinLocked(name)
	c.mu.Unlock()
	return c.loaded(r, db)
}

// PinAll pins rooms, in the order of their names.
func (c *Rooms) PinAll(names []string, db pebble.Reader) (rooms []*Room, err error) {
	rooms = make([]*Room, len(names))
	c.mu.Lock()
	for i, name := range names {
		rooms[i] = c.pinLocked(name)
	}
	c.mu.Unlock()
	for i, r := range rooms {
		if _, err := c.loaded(r, db); err != nil {
			c.Unpin(rooms[:i]...)
			c.Unpin(rooms[i+1:]...)
			return nil, err
		}
	}
	return rooms, nil
}

// loaded returns the pinned room once its state is known. After an error it is not
// pinned.
func (c *Rooms) loaded(r *Room, db pebble.Reader) (*Room, error) {
	r.loadOnce.Do(func() {
		state, err := c.load(db, r.name)
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

// pinLocked pins a room, which may not be loaded yet.
func (c *Rooms) pinLocked(name string) *Room {
	r := c.byName[name]
	if r == nil {
		r = &Room{name: name, cost: roomCost, failed: ErrNotLoaded}
		c.byName[name] = r
		c.cost += r.cost
		defer c.evictOldLocked()
	}
	r.pins++
	c.touchLocked(r)
	return r
}

// touchLocked makes the room the one used last, in the list where it belongs.
func (c *Rooms) touchLocked(r *Room) {
	var to *list.List
	switch {
	case c.byName[r.name] != r:
	case r.cost > roomCost:
		to = c.full
	case r.pins == 0:
		to = c.idle
	}
	if to == r.in && to != nil {
		to.MoveToFront(r.element)
		return
	}
	if r.in != nil {
		r.in.Remove(r.element)
	}
	if r.in, r.element = to, nil; to != nil {
		r.element = to.PushFront(r)
	}
}

func (c *Rooms) Unpin(rooms ...*Room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rooms {
		if r.pins--; r.pins == 0 {
			c.touchLocked(r)
		}
	}
	c.evictOldLocked()
}

// evictLocked removes a room from the cache. Whoever has it pinned may go on
// using it.
func (c *Rooms) evictLocked(r *Room) {
	if c.byName[r.name] == r {
		delete(c.byName, r.name)
		c.cost -= r.cost
		c.touchLocked(r)
	}
}

// EvictAll empties the cache, because what it has is no longer true.
func (c *Rooms) EvictAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.byName {
		c.evictLocked(r)
	}
}

// evictOldLocked keeps the cache to its limit. The entries of the rooms that were used
// longest ago go first, since a room's state is much smaller and what appends need.
// Rooms that nobody uses take at most a quarter of the limit without their entries.
func (c *Rooms) evictOldLocked() {
	for c.cost > c.limit && c.full.Len() > 0 {
		r := c.full.Back().Value.(*Room)
		c.dropRecentLocked(r, r.state.Last+1)
		c.setNewestLocked(r, nil)
		c.addCostLocked(r, roomCost-r.cost)
		c.touchLocked(r)
	}
	for c.idle.Len() > 0 && (c.cost > c.limit || int64(c.idle.Len())*roomCost > c.limit/4) {
		c.evictLocked(c.idle.Back().Value.(*Room))
	}
}

// StateOf returns the state of a pinned room.
func (c *Rooms) StateOf(r *Room) format.RoomState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return r.state
}

// CachedState returns the state of a room if the cache has it.
func (c *Rooms) CachedState(name string) (state format.RoomState, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.byName[name]
	if r == nil || r.failed != nil {
		return format.RoomState{}, false
	}
	return r.state, true
}

// SetFirst changes which entry of the room readers see first. It must be raised
// before the entries below it are deleted, and may be lowered again if that fails.
func (c *Rooms) SetFirst(r *Room, to format.RoomState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &r.state
	s.First, s.FirstAt, s.Base, s.Dropped = to.First, to.FirstAt, to.Base, to.Dropped
	c.dropRecentLocked(r, s.First)
}

// showGroup makes what a group has written visible to readers.
func (c *Rooms) showGroup(rooms []*Room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range rooms {
		if r.dropped {
			c.dropRecentLocked(r, r.before.Last+1)
			c.setNewestLocked(r, nil)
		}
		for _, e := range r.changed {
			c.replaceRecentLocked(r, &e.Entry)
		}
		for i := range r.added {
			e := *r.added[i].entry()
			e.Origin = journal.Origin{}
			c.addRecentLocked(r, e)
		}
		r.state = r.next
		c.dropRecentLocked(r, r.state.First)
		c.touchLocked(r)
	}
	c.evictOldLocked()
}

func (c *Rooms) addRecentLocked(r *Room, e journal.Entry) {
	r.recent = append(r.recent, e)
	c.addCostLocked(r, int64(e.Size()))
	if len(r.recent) >= 2*RecentMin {
		c.dropRecentLocked(r, e.Seq-RecentMin+1)
	}
	// One room takes at most an eighth of the cache.
	for len(r.recent) > 0 && r.cost > max(c.limit/8, 64<<10) {
		c.dropRecentLocked(r, r.recent[0].Seq+journal.Seq(len(r.recent)+1)/2)
	}
}

// dropRecentLocked drops the recent entries below first.
func (c *Rooms) dropRecentLocked(r *Room, first journal.Seq) {
	n := 0
	for n < len(r.recent) && r.recent[n].Seq < first {
		c.addCostLocked(r, -int64(r.recent[n].Size()))
		n++
	}
	if n == 0 {
		return
	}
	kept := copy(r.recent, r.recent[n:])
	clear(r.recent[kept:])
	r.recent = r.recent[:kept]
}

// replaceRecentLocked puts a changed entry in the place of what the cache has of it.
func (c *Rooms) replaceRecentLocked(r *Room, e *journal.Entry) {
	if r.newest != nil && r.newest.Seq == e.Seq {
		c.setNewestLocked(r, nil)
	}
	if there := r.recentEntry(e.Seq); there != nil {
		c.addCostLocked(r, int64(e.Size()-there.Size()))
		*there = *e
	}
}

// recentEntry returns an entry that is in memory, or nil. Rooms.mu must be held.
func (r *Room) recentEntry(seq journal.Seq) *journal.Entry {
	if len(r.recent) == 0 || seq < r.recent[0].Seq || seq-r.recent[0].Seq >= journal.Seq(len(r.recent)) {
		return nil
	}
	return &r.recent[seq-r.recent[0].Seq]
}

func (c *Rooms) setNewestLocked(r *Room, e *journal.Entry) {
	if r.newest != nil {
		c.addCostLocked(r, -int64(r.newest.Size()))
	}
	if r.newest = e; e != nil {
		c.addCostLocked(r, int64(e.Size()))
	}
}

func (c *Rooms) addCostLocked(r *Room, n int64) {
	r.cost += n
	if c.byName[r.name] == r {
		c.cost += n
	}
}

// Offer gives the cache the newest entries of a room, which were read while
// its state was state. The cache takes them if they are still the newest ones and
// more than it has.
func (c *Rooms) Offer(r *Room, state format.RoomState, newest []journal.Entry) {
	newest = newest[max(0, len(newest)-RecentMin):]
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.state != state || len(newest) <= len(r.recent) || newest[len(newest)-1].Seq != state.Last {
		return
	}
	c.dropRecentLocked(r, state.Last+1)
	for _, e := range newest {
		c.addRecentLocked(r, e)
	}
	c.touchLocked(r)
	c.evictOldLocked()
}

// Follow notes that a pinned room is followed, so that its head stays. While somebody
// removes the head it returns a channel that is closed when that is over: try again.
func (c *Rooms) Follow(r *Room) (wait <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.ending != nil {
		return r.ending
	}
	r.follows++
	return nil
}

// Unfollow ends that, and unpins the room.
func (c *Rooms) Unfollow(r *Room) {
	c.mu.Lock()
	r.follows--
	c.mu.Unlock()
	c.Unpin(r)
}

// beginEnd reports whether the head of a pinned room may be removed. Then nobody can
// begin to follow it until finishEnd.
func (c *Rooms) beginEnd(r *Room) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.follows > 0 {
		return false
	}
	if r.ending == nil {
		r.ending = make(chan struct{})
	}
	return true
}

func (c *Rooms) finishEnd(r *Room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.ending != nil {
		close(r.ending)
		r.ending = nil
	}
}
