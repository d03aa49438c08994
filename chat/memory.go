package chat

import (
	"container/list"
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"time"
)

// MemoryOptions bound an in-memory journal. Zero fields mean the defaults.
type MemoryOptions struct {
	// Retention is how much of each room is kept. Its default is the last 1000
	// entries of a room. Called without locks.
	Retention func(room string) Retention

	// MaxBytes bounds all rooms together, counting some 160 bytes for each
	// entry beside its text. The rooms that have been silent longest give way.
	// Default 64 MiB.
	MaxBytes int64
}

// NewMemoryJournal returns a Journal that lives in memory alone: it keeps order
// and the newest entries, and loses everything with the process. Its epochs are
// a room's: one that was forgotten begins anew.
func NewMemoryJournal(opt MemoryOptions) Journal {
	if opt.Retention == nil {
		opt.Retention = func(string) Retention { return Retention{Count: 1000} }
	}
	j := &memoryJournal{
		retention: opt.Retention,
		rooms:     map[string]*memoryRoom{},
		quiet:     list.New(),
		records:   memoryRecords{values: map[string][]byte{}},
		life:      newEpoch(),
	}
	j.SetMaxBytes(opt.MaxBytes)
	return j
}

// Rooms calls each for every room that is kept, by name, until each returns an
// error, which Rooms returns.
func (j *memoryJournal) Rooms(_ context.Context, each func(room string) error) error {
	j.mu.Lock()
	names := slices.Sorted(maps.Keys(j.rooms))
	j.mu.Unlock()
	for _, name := range names {
		if err := each(name); err != nil {
			return err
		}
	}
	return nil
}

// JournalStats returns the journal's figures.
func (j *memoryJournal) JournalStats() JournalStats {
	j.mu.Lock()
	defer j.mu.Unlock()
	return JournalStats{Entries: j.entries, Bytes: j.bytes}
}

// SetMaxBytes changes MemoryOptions.MaxBytes, from the next entry on.
func (j *memoryJournal) SetMaxBytes(n int64) {
	if n <= 0 {
		n = 64 << 20
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.maxBytes = n
}

type memoryJournal struct {
	retention func(room string) Retention
	records   memoryRecords

	mu       sync.Mutex // guards the rest and every room's fields; a room's mailbox is a leaf below it
	rooms    map[string]*memoryRoom
	quiet    *list.List // of *memoryRoom, the longest silent first
	bytes    int64      // of all rooms
	entries  uint64     // of all rooms
	maxBytes int64
	life     string // the epoch of rooms that are new
	closed   bool
}

// memoryRoom is the record of one room.
type memoryRoom struct {
	name      string
	place     *list.Element // in memoryJournal.quiet
	epoch     string
	entries   []Entry // contiguous; the last one is numbered last
	last      Seq
	at        int64
	size      int64                  // of entries, as their costs
	keys      map[messageKey]Receipt // nil while nobody has used one
	keyOrder  []messageKey           // of keys, oldest first
	followers []*follower            // replaced, never changed: deliveries refer to it

	box mailbox[delivery]
}

// delivery is one entry on its way to those who followed when it was numbered,
// or, with fence, the end of what came before it.
type delivery struct {
	entry Entry
	to    []*follower
	fence chan struct{}
}

type follower struct{ deliver func(Entry) }

type messageKey struct{ user, key string }

// keyLife is how long a key is remembered at least, whatever becomes of its
// entry; only MaxBytes comes before it.
const keyLife = 24 * time.Hour

func (j *memoryJournal) Append(e Entry, done func(Receipt, error)) {
	keep := j.retention(e.Room)
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		done(Receipt{}, ErrJournalClosed)
		return
	}
	r := j.roomLocked(e.Room)
	if first, ok := r.keys[messageKey{e.From.ID, e.Key}]; ok {
		j.mu.Unlock()
		first.Duplicate = true
		done(first, nil)
		return
	}
	r.at = max(r.at, time.Now().UnixMilli())
	e.At = r.at
	receipt := Receipt{At: e.At}
	if !e.Kind.Transient() {
		if e.Kind == Recall {
			j.eraseLocked(r, e.Target)
		}
		r.last++
		e.Seq = r.last
		receipt.Epoch, receipt.Seq = r.epoch, e.Seq
		j.recordLocked(r, e, receipt, keep, e.At)
	}
	idle := len(r.followers) > 0 && r.box.put(delivery{entry: e, to: r.followers})
	j.mu.Unlock()

	done(receipt, nil)
	if idle {
		r.deliverAll()
	}
}

// roomLocked returns the room, made if need be, as the one that spoke last.
func (j *memoryJournal) roomLocked(name string) *memoryRoom {
	r := j.rooms[name]
	if r == nil {
		r = &memoryRoom{name: name, epoch: j.life}
		r.place = j.quiet.PushBack(r)
		j.rooms[name] = r
		j.bytes += roomCost
	}
	j.quiet.MoveToBack(r.place)
	return r
}

// forgetLocked forgets a room. One that gave numbers must not give them again, so
// that whatever is new from now on is of another epoch.
func (j *memoryJournal) forgetLocked(r *memoryRoom) {
	j.quiet.Remove(r.place)
	delete(j.rooms, r.name)
	j.bytes -= roomCost
	if r.last > 0 {
		j.life = newEpoch()
	}
}

func newEpoch() string { return rand.Text()[:8] }

// What a room and a key count for where bytes are bounded.
const (
	roomCost = 512
	keyCost  = 128
)

func (j *memoryJournal) recordLocked(r *memoryRoom, e Entry, receipt Receipt, keep Retention, now int64) {
	if e.Key != "" {
		if r.keys == nil {
			r.keys = map[messageKey]Receipt{}
		}
		k := messageKey{e.From.ID, e.Key}
		r.keys[k] = receipt
		r.keyOrder = append(r.keyOrder, k)
		j.bytes += keyCost
	}
	r.entries = append(r.entries, e)
	j.entries++
	j.growLocked(r, int64(e.cost()))
	j.trimLocked(r, keep, now)
	for len(r.keyOrder) > 0 {
		old := r.keys[r.keyOrder[0]]
		if old.Seq >= r.firstSeq() || time.Duration(now-old.At)*time.Millisecond < keyLife {
			break
		}
		j.dropKeyLocked(r)
	}
	j.shrinkLocked()
}

func (r *memoryRoom) firstSeq() Seq { return r.last + 1 - Seq(len(r.entries)) }

func (j *memoryJournal) growLocked(r *memoryRoom, n int64) {
	r.size += n
	j.bytes += n
}

// trimLocked drops the entries that the room's retention lets go.
func (j *memoryJournal) trimLocked(r *memoryRoom, keep Retention, now int64) {
	for len(r.entries) > 0 {
		age := time.Duration(now-r.entries[0].At) * time.Millisecond
		if !(keep.Count > 0 && len(r.entries) > keep.Count ||
			keep.Age > 0 && age > keep.Age ||
			keep.Bytes > 0 && r.size > keep.Bytes) {
			return
		}
		j.dropEntryLocked(r)
	}
}

func (j *memoryJournal) eraseLocked(r *memoryRoom, target Seq) {
	if target < r.firstSeq() || target > r.last {
		return
	}
	// A page or a delivery may hold a copy of the entry; the body itself is
	// shared and not touched.
	e := &r.entries[target-r.firstSeq()]
	if e.Kind == Message {
		j.growLocked(r, -int64(len(e.Body)))
		e.Body, e.Text, e.Recalled = nil, false, true
	}
}

func (j *memoryJournal) dropEntryLocked(r *memoryRoom) {
	j.growLocked(r, -int64(r.entries[0].cost()))
	j.entries--
	r.entries[0] = Entry{}
	r.entries = r.entries[1:]
}

func (j *memoryJournal) dropKeyLocked(r *memoryRoom) {
	delete(r.keys, r.keyOrder[0])
	r.keyOrder = r.keyOrder[1:]
	j.bytes -= keyCost
}

// shrinkLocked keeps to MaxBytes: the rooms silent longest lose their oldest
// entries, then their keys, then, when nobody follows them, themselves.
func (j *memoryJournal) shrinkLocked() {
	for at := j.quiet.Front(); at != nil && j.bytes > j.maxBytes; {
		r := at.Value.(*memoryRoom)
		switch {
		case len(r.entries) > 0:
			j.dropEntryLocked(r)
		case len(r.keyOrder) > 0:
			j.dropKeyLocked(r)
		default:
			at = at.Next()
			if len(r.followers) == 0 && at != nil { // never the room that speaks now
				j.forgetLocked(r)
			}
		}
	}
}

// deliverAll empties the room's mailbox into its followers.
func (r *memoryRoom) deliverAll() {
	for batch := r.box.take(nil); len(batch) > 0; batch = r.box.take(batch) {
		for _, d := range batch {
			if d.fence != nil {
				close(d.fence)
			}
			for _, f := range d.to {
				f.deliver(d.entry)
			}
		}
	}
}

func (j *memoryJournal) Read(_ context.Context, q Query) (Page, error) {
	keep := j.retention(q.Room)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return Page{}, ErrJournalClosed
	}
	r := j.rooms[q.Room]
	if r == nil {
		return Page{Epoch: j.life, First: 1}, nil // to ask for a room makes none
	}
	j.trimLocked(r, keep, time.Now().UnixMilli())
	page := Page{Epoch: r.epoch, First: r.firstSeq(), Last: r.last}
	// from and to index the entries in the direction asked for.
	from, to := 0, len(r.entries)
	if q.Backward {
		if q.Before > 0 {
			to = clampIndex(q.Before, page.First, len(r.entries))
		}
		from = max(0, to-q.Limit)
		page.More = from > 0
	} else {
		from = clampIndex(q.After+1, page.First, len(r.entries))
		to = min(len(r.entries), from+q.Limit)
		page.More = to < len(r.entries)
	}
	page.Entries = slices.Clone(r.entries[from:to])
	return page, nil
}

// clampIndex returns the place of seq among n entries that begin with first.
func clampIndex(seq, first Seq, n int) int {
	if seq <= first {
		return 0
	}
	return int(min(seq-first, Seq(n)))
}

func (j *memoryJournal) Follow(room string, deliver func(Entry)) (func(), error) {
	f := &follower{deliver}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, ErrJournalClosed
	}
	r := j.roomLocked(room)
	r.followers = append(slices.Clone(r.followers), f)
	return func() { j.unfollow(r, f) }, nil
}

// unfollow returns once everything queued before it has been delivered. It may be
// called again.
func (j *memoryJournal) unfollow(r *memoryRoom, f *follower) {
	fence := make(chan struct{})
	j.mu.Lock()
	r.followers = slices.DeleteFunc(slices.Clone(r.followers), func(g *follower) bool { return g == f })
	idle := r.box.put(delivery{fence: fence})
	if len(r.followers) == 0 && r.last == 0 && j.rooms[r.name] == r {
		j.forgetLocked(r)
	}
	j.mu.Unlock()
	if idle {
		r.deliverAll()
	}
	<-fence
}

func (j *memoryJournal) Records() Records { return &j.records }

func (j *memoryJournal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	j.records.close()
	rooms := slices.Collect(maps.Values(j.rooms))
	j.mu.Unlock()
	for _, r := range rooms {
		j.mu.Lock()
		followers := r.followers
		j.mu.Unlock()
		for _, f := range followers {
			j.unfollow(r, f)
		}
	}
	return nil
}
