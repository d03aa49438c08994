package pebblejournal

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/keyfilter"
	"github.com/cockroachdb/pebble/v2"
)

// item is one thing to be committed: an entry, or a change that the journal makes
// on its own.
type item struct {
	entry       journal.Entry
	hash        keyHash                  // of entry.Key, if it has one
	change      func(*commitGroup) error // not nil: there is no entry
	maintenance bool                     // the change frees space, so it may use the reserve
	restoration *restoration             // not nil: the entry has its number already
	done        func(journal.Receipt, error)

	// Set by the committer.
	receipt  journal.Receipt
	err      error
	original *item // of this group, with the same key: its answer is the answer
	written  bool  // the item is in the group's batch

	followers []*follower // set by the dispatcher
}

// queuedBytes is what an item counts for in the queue.
func (it *item) queuedBytes() int {
	e := &it.entry
	return len(e.Body) + len(e.Key) + len(e.From.ID) + len(e.From.Name) + len(e.From.Avatar) + len(e.Room) + 384
}

// restoration is shared by the items of one call of Restore, which are all in one
// group. The first one that fails ends it.
type restoration struct {
	failed bool // owned by the committer
}

// timelineStep is how many bytes the store takes in between two marks of its
// timeline.
const timelineStep = 1 << 20

// commitGroup is what one fsync makes durable. It belongs to the committer, then to
// the dispatcher, then to the committer again.
type commitGroup struct {
	// Fixed.
	opt    *Options
	epoch  string
	rooms  *roomCache
	filter *keyfilter.Filter

	items []item

	// Owned by the committer.
	handle *handle
	batch  *pebble.Batch
	now    int64             // Unix milliseconds
	joined []*room           // the rooms of the group, pinned
	keys   *pebble.Iterator  // of tableIdem, as it was before the group; nil until needed
	hashes map[keyHash]*item // the keys of the group's entries
	totals totals            // with the group so far
	buffer []byte
}

// begin prepares the group for a batch. t are the totals before it.
func (g *commitGroup) begin(h *handle, t totals) {
	g.handle = h
	g.now = g.opt.now().UnixMilli()
	g.totals = t
	g.batch = h.db.NewBatch()
	clear(g.hashes)
}

// room returns a room as it is with the group so far, and makes it a room of the
// group.
func (g *commitGroup) room(name string) (*room, error) {
	r, err := g.rooms.pin(name, g.handle)
	if err != nil {
		return nil, err
	}
	if r.inGroup {
		g.rooms.unpin(r) // it has been pinned before
		return r, nil
	}
	r.inGroup = true
	r.before = g.rooms.stateOf(r)
	r.next = r.before
	g.joined = append(g.joined, r)
	return r, nil
}

// add adds an entry, which has its number and time, as the room's newest one.
func (g *commitGroup) add(it *item, r *room) {
	e, s := &it.entry, &r.next
	if s.last == 0 {
		s.first = e.Seq
	}
	isFirst := s.empty()
	s.last, s.lastAt = e.Seq, max(s.lastAt, e.At)
	s.end += storedBytes(e)
	if isFirst {
		s.firstAt, r.stateChanged = e.At, true
	}
	if e.Key != "" {
		g.hashes[it.hash] = it
		g.filter.Add(it.hash)
	}
	r.added = append(r.added, addedEntry{*e, s.end, it.hash})
	g.count(storedBytes(e))
	it.receipt = journal.Receipt{Epoch: g.epoch, Seq: e.Seq, At: e.At}
	it.written = true
}

// addedAt returns an entry that the group has added to the room, or nil if seq is
// not one of them.
func (r *room) addedAt(seq journal.Seq) *addedEntry {
	older := r.next.last - journal.Seq(len(r.added))
	if seq <= older || seq > r.next.last {
		return nil
	}
	return &r.added[seq-older-1]
}

// meta returns the entryMeta of an entry as it is with the group so far. It is zero
// for an entry that does not exist yet.
func (g *commitGroup) meta(r *room, seq journal.Seq) (entryMeta, error) {
	if seq > r.next.last {
		return entryMeta{}, nil
	}
	if a := r.addedAt(seq); a != nil {
		return entryMeta{a.At, a.end}, nil
	}
	return g.handle.readMeta(r.name, seq)
}

// entry returns an entry that the room has, as it is with the group so far.
func (g *commitGroup) entry(r *room, seq journal.Seq) (journal.Entry, error) {
	if a := r.addedAt(seq); a != nil {
		return a.Entry, nil
	}
	value, err := g.handle.get(entryKey(r.name, seq))
	if err == nil && value == nil {
		err = pebble.ErrNotFound
	}
	if err != nil {
		return journal.Entry{}, err
	}
	e, _, err := decodeEntry(value, r.name, seq)
	return e, err
}

// keyReceipt looks up an idempotency key as it was before the group. seq is 0 if
// the key is not known.
func (g *commitGroup) keyReceipt(room string, hash keyHash) (seq journal.Seq, at int64, err error) {
	if g.keys == nil {
		g.keys, err = g.handle.db.NewIter(&pebble.IterOptions{
			LowerBound:   tableStart(tableIdem),
			UpperBound:   tableEnd(tableIdem),
			UseL6Filters: true, // most keys are new; Get would search the lowest level for them
		})
		if err != nil {
			return 0, 0, err
		}
	}
	g.buffer = appendIdemKey(g.buffer[:0], room, hash)
	if !g.keys.SeekPrefixGE(g.buffer) {
		return 0, 0, g.keys.Error()
	}
	return decodeIdem(g.keys.Value())
}

// deleteKey deletes an idempotency key.
func (g *commitGroup) deleteKey(room string, hash keyHash) {
	_ = g.batch.Delete(appendIdemKey(nil, room, hash), nil)
	g.filter.Delete()
}

// count counts an entry in the totals, and adds a mark to the timeline when they
// pass a multiple of timelineStep.
func (g *commitGroup) count(bytes uint64) {
	t := &g.totals
	if (t.bytes+bytes)/timelineStep != t.bytes/timelineStep {
		g.buffer = appendTimelineKey(g.buffer[:0], t.bytes)
		g.set(len(g.buffer), func(b []byte) []byte { return binary.AppendUvarint(b, uint64(g.now)) })
	}
	t.bytes += bytes
	t.entries++
}

// fill adds to the batch what the rooms have gained. It does so in the order of
// the keys: Pebble takes neighbouring keys much faster than scattered ones.
func (g *commitGroup) fill() {
	slices.SortFunc(g.joined, func(a, b *room) int {
		return cmp.Or(len(a.name)-len(b.name), strings.Compare(a.name, b.name))
	})
	for _, r := range g.joined {
		for i := range r.added {
			g.setEntry(&r.added[i].Entry, r.added[i].end)
		}
	}
	for _, r := range g.joined {
		if r.stateChanged {
			g.setState(r)
		}
	}
	for _, r := range g.joined {
		for i := range r.added {
			if a := &r.added[i]; a.Key != "" {
				g.setKey(a)
			}
		}
	}
	if !g.batch.Empty() {
		g.setTotals()
	}
}

func (g *commitGroup) setEntry(e *journal.Entry, end uint64) {
	g.buffer = appendEntryKey(g.buffer[:0], e.Room, e.Seq)
	g.set(len(g.buffer), func(b []byte) []byte { return appendEntry(b, e, end) })
}

func (g *commitGroup) setState(r *room) {
	g.buffer = appendRoomKey(g.buffer[:0], r.name)
	g.set(len(g.buffer), func(b []byte) []byte { return appendState(b, &r.next) })
}

func (g *commitGroup) setKey(a *addedEntry) {
	g.buffer = appendIdemKey(g.buffer[:0], a.Room, a.hash)
	g.set(len(g.buffer), func(b []byte) []byte { return appendIdem(b, a.Seq, a.At) })
}

func (g *commitGroup) setTotals() {
	g.buffer = append(g.buffer[:0], totalsKey...)
	g.set(len(g.buffer), func(b []byte) []byte { return appendTotals(b, &g.totals) })
}

// set adds to the batch the key in the first n bytes of the buffer, with the value
// that value appends to it. The batch copies both. Writing to a batch cannot fail.
func (g *commitGroup) set(n int, value func([]byte) []byte) {
	g.buffer = value(g.buffer)
	_ = g.batch.Set(g.buffer[:n], g.buffer[n:], nil)
}

// isMaintenance reports whether the group does nothing but free space.
func (g *commitGroup) isMaintenance() bool {
	for i := range g.items {
		if it := &g.items[i]; it.written && !it.maintenance {
			return false
		}
	}
	return true
}

// fail answers the items with err, except those that need no record.
func (g *commitGroup) fail(err error) {
	now := g.opt.now().UnixMilli()
	for i := range g.items {
		if it := &g.items[i]; it.change == nil && !it.entry.Kind.Recorded() {
			it.entry.At = now
			it.receipt = journal.Receipt{At: now}
		} else {
			it.err = unavailable(err)
		}
	}
}

// rollBack fails the items that the group would have written, and shows readers the
// rooms as they were before it.
func (g *commitGroup) rollBack(cause error) {
	for i := range g.items {
		if it := &g.items[i]; it.written {
			it.err = unavailable(cause)
		}
	}
	for _, r := range g.joined {
		g.rooms.setFirst(r, r.before)
	}
}

// end releases what the group holds of the store. Its rooms stay pinned; end
// returns them.
func (g *commitGroup) end() []*room {
	rooms := g.joined
	for _, r := range rooms {
		r.inGroup = false
		clear(r.added)
		r.added = r.added[:0]
		if cap(r.added) > recentMin {
			r.added = nil
		}
		r.erased, r.stateChanged = nil, false
	}
	g.joined = nil
	if g.keys != nil {
		_ = g.keys.Close() // its errors were seen when it was used
	}
	g.keys, g.handle, g.batch = nil, nil, nil
	return rooms
}
