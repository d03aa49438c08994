package commit

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/keyfilter"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/listeners"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
	"github.com/cockroachdb/pebble/v2"
)

// Item is one thing to be committed: an entry, or a change that the journal makes
// on its own.
type Item struct {
	Entry       journal.Entry
	Hash        format.KeyHash            // of Entry.Key, if it has one
	Change      func(*Group) error        // not nil: there is no entry
	Find        func(*Group, *Item) error // not nil: likewise; it sets the receipt and writes nothing
	Maintenance bool                      // the change frees space, so it may use the reserve
	Restoration *Restoration              // not nil: the entry has its number already
	Done        func(journal.Receipt, error)
	Then        func() // not nil: the dispatcher calls it, after it has told everybody of what was committed before

	// Set by the committer.
	Receipt  journal.Receipt
	Err      error
	Original *Item // of this group, with the same key: its answer is the answer
	Written  bool  // the item is in the group's batch
	keyUsed  bool  // another entry, which counts, has the key of this restored one

	Followers []*listeners.Room // set by the dispatcher
}

// IsEntry reports whether the item is an entry.
func (it *Item) IsEntry() bool { return it.Change == nil && it.Find == nil }

// NeedsRecord reports whether the item is to be recorded, or may have to do with what is.
func (it *Item) NeedsRecord() bool { return !it.IsEntry() || it.Entry.Kind.Recorded() }

// QueuedBytes is what an item counts for in the queue.
func (it *Item) QueuedBytes() int {
	n := it.Entry.Size() + len(it.Entry.Room) + 224
	for i := range it.Entry.With {
		n += len(it.Entry.With[i].Key) + len(it.Entry.With[i].Value) + 64
	}
	return n
}

// Restoration is shared by the items of one call of Restore, which are all in one
// group. The first one that fails ends it.
type Restoration struct {
	failed bool // owned by the committer
}

var totalsKey = format.MetaKey(format.MetaTotals)

// TimelineStep is how many bytes the store takes in between two marks of its
// timeline.
const TimelineStep = 128 << 10

// Group is what one fsync makes durable. It belongs to the committer, then to
// the dispatcher, then to the committer again.
type Group struct {
	// Fixed.
	now    func() time.Time
	rooms  *Rooms
	filter *keyfilter.Filter

	Items    []Item
	Recorded []Recorded       // in the order of their positions
	Records  []journal.Record // that Put and Update have changed, in order
	Damaged  int              // what it has looked up and could not read

	// Owned by the committer.
	epoch   string // of the store
	store   *disk.Handle
	batch   *pebble.Batch
	time    int64                     // Unix milliseconds
	joined  []*Room                   // the rooms of the group, pinned
	keys    *pebble.Iterator          // of the table Idem, as it was before the group; nil until needed
	hashes  map[format.KeyHash]*Item  // the keys of the group's entries
	pending map[string]journal.Record // the last of Records, by key
	totals  format.Totals             // with the group so far
	full    error                     // why records must not grow, or nil
	buffer  []byte
}

// NewGroup returns a group that is used again and again.
func NewGroup(rooms *Rooms, filter *keyfilter.Filter, now func() time.Time) *Group {
	return &Group{
		now: now, rooms: rooms, filter: filter,
		hashes: map[format.KeyHash]*Item{}, pending: map[string]journal.Record{},
	}
}

// DB is the store that the group is written to.
func (g *Group) DB() *failstop.DB { return g.store.DB }

// Epoch is the epoch of the store, and Totals are its totals with the group.
func (g *Group) Epoch() string { return g.epoch }

// Totals is explained at Epoch.
func (g *Group) Totals() format.Totals { return g.totals }

// Begin prepares the group for a batch. t are the totals before it.
func (g *Group) Begin(s *disk.Handle, epoch string, t format.Totals) {
	g.Damaged = 0
	g.store, g.epoch = s, epoch
	g.time = g.now().UnixMilli()
	g.totals = t
	g.batch = s.DB.NewBatch()
}

// spareItems is how many items a group may have had for its memory to be used again. What a
// rush took is given back: it may be the last for hours.
const spareItems = 1024

// Clear makes the group empty. It keeps alive nothing of what it had.
func (g *Group) Clear() {
	if cap(g.Items) > spareItems {
		*g = *NewGroup(g.rooms, g.filter, g.now)
		return
	}
	clear(g.Items)
	clear(g.Recorded)
	clear(g.hashes)
	clear(g.pending)
	g.Items, g.Recorded, g.Records = g.Items[:0], g.Recorded[:0], nil
}

// Room returns a room as it is with the group so far, and makes it a room of the
// group.
func (g *Group) Room(name string) (*Room, error) {
	r, err := g.rooms.Pin(name, g.store.DB)
	if err != nil {
		return nil, err
	}
	if r.inGroup {
		g.rooms.Unpin(r) // it has been pinned before
		return r, nil
	}
	r.inGroup = true
	r.before = g.rooms.StateOf(r)
	r.next = r.before
	g.joined = append(g.joined, r)
	return r, nil
}

// add adds an entry, which has its number and time, as the room's newest one.
func (g *Group) add(it *Item, r *Room) {
	e, s := &it.Entry, &r.next
	if s.Last == 0 {
		s.First = e.Seq
	}
	isFirst := s.Empty()
	if e.Counts() {
		s.Count++
		s.Counting = e.Seq
	}
	if e.Kind.Governs() {
		s.Governing = e.Seq
	}
	s.Last, s.LastAt = e.Seq, max(s.LastAt, e.At)
	s.End += format.StoredBytes(e)
	if isFirst {
		s.FirstAt, r.stateChanged = e.At, true
	}
	r.stateChanged = r.stateChanged || s.Mended > 0
	keyed := e.Key != "" && !it.keyUsed
	if keyed {
		g.hashes[it.Hash] = it
		g.filter.Add(it.Hash)
	}
	e.Count = s.Count
	a := addedEntry{Recorded: Recorded{e, &it.Receipt}, hash: it.Hash, keyed: keyed, meta: format.EntryMeta{End: s.End, Counting: s.Counting, Governing: s.Governing}}
	if e.Kind.Effect() == journal.Replace {
		stored := *e
		stored.Body, stored.Text, stored.Since, stored.With = nil, false, 0, nil
		a.stored = &stored
	}
	r.added = append(r.added, a)
	g.count(format.StoredBytes(e))
	it.Receipt = journal.Receipt{Epoch: format.RoomEpoch(g.epoch, s.Born), Seq: e.Seq, At: e.At, Count: e.Count}
	it.Written = true
}

// addedAt returns an entry that the group has added to the room, or nil if seq is
// not one of them.
func (r *Room) addedAt(seq journal.Seq) *addedEntry {
	older := r.next.Last - journal.Seq(len(r.added))
	if seq <= older || seq > r.next.Last {
		return nil
	}
	return &r.added[seq-older-1]
}

// meta returns the EntryMeta of an entry as it is with the group so far. It is zero
// for an entry that does not exist yet.
func (g *Group) meta(r *Room, seq journal.Seq) (format.EntryMeta, error) {
	if seq > r.next.Last {
		return format.EntryMeta{}, nil
	}
	if a := r.addedAt(seq); a != nil {
		m := a.meta
		m.At, m.Count = a.Entry.At, a.Entry.Count
		return m, nil
	}
	m, err := rows.Meta(g.store.DB, r.name, seq)
	if rows.IsDamage(err) { // retention may be wrong by the size of what is damaged
		return format.EntryMeta{At: r.next.FirstAt, End: r.next.Base, Count: r.next.Dropped}, g.spare(err)
	}
	return m, err
}

// entry returns an entry that the room has, as it is with the group so far, and what
// the group has added if it is one of these. The entry must not be changed.
func (g *Group) entry(r *Room, seq journal.Seq) (e *journal.Entry, m format.EntryMeta, added *addedEntry, err error) {
	if a := r.addedAt(seq); a != nil {
		return a.entry(), a.meta, a, nil
	}
	if c := r.changed[seq]; c != nil {
		return &c.Entry, c.meta, nil, nil
	}
	value, err := rows.Get(g.store.DB, format.EntryKey(r.name, seq))
	if err == nil && value == nil {
		err = pebble.ErrNotFound
	}
	if err != nil {
		return nil, m, nil, err
	}
	there, m, err := format.DecodeEntry(value, r.name, seq)
	return &there, m, nil, err
}

// KeyReceipt looks up an idempotency key as it was before the group. seq is 0 if
// the key is not known.
func (g *Group) KeyReceipt(room string, hash format.KeyHash) (seq journal.Seq, at int64, err error) {
	if g.keys == nil {
		g.keys, err = g.store.DB.NewIter(&pebble.IterOptions{
			LowerBound:   format.TableStart(format.Idem),
			UpperBound:   format.TableEnd(format.Idem),
			UseL6Filters: true, // most keys are new; Get would search the lowest level for them
		})
		if err != nil {
			return 0, 0, err
		}
	}
	g.buffer = format.AppendIdemKey(g.buffer[:0], room, hash)
	if !g.keys.SeekPrefixGE(g.buffer) {
		return 0, 0, g.spare(g.keys.Error())
	}
	seq, at, err = format.DecodeIdem(g.keys.Value())
	if err != nil {
		return 0, 0, g.spare(err)
	}
	return seq, at, nil
}

// spare counts damage, and otherwise returns err. What is damaged counts as if it were
// not there: one block must not close a room.
func (g *Group) spare(err error) error {
	if !rows.IsDamage(err) {
		return err
	}
	g.Damaged++
	return nil
}

// deleteKey deletes an idempotency key.
func (g *Group) deleteKey(room string, hash format.KeyHash) {
	_ = g.batch.Delete(format.AppendIdemKey(nil, room, hash), nil)
	g.filter.Delete()
}

// count counts an entry in the totals, and adds a mark to the timeline when they
// pass a multiple of TimelineStep.
func (g *Group) count(bytes uint64) {
	t := &g.totals
	if (t.Bytes+bytes)/TimelineStep != t.Bytes/TimelineStep {
		g.buffer = format.AppendTimelineKey(g.buffer[:0], t.Bytes)
		g.set(len(g.buffer), func(b []byte) []byte { return format.AppendMark(b, g.time) })
	}
	t.Bytes += bytes
	t.Entries++
}

// Show makes a group that is durable visible to readers. It calls grown for every room
// that has gained step entries since grown was called for it.
func (g *Group) Show(step journal.Seq, grown func(room string)) {
	g.rooms.showGroup(g.joined)
	for _, r := range g.joined {
		if r.next.Last-r.checked >= step || r.next.Last < r.checked {
			r.checked = r.next.Last
			grown(r.name)
		}
	}
}

// IsMaintenance reports whether the group does nothing but free space.
func (g *Group) IsMaintenance() bool {
	for i := range g.Items {
		if it := &g.Items[i]; it.Written && !it.Maintenance {
			return false
		}
	}
	return true
}

// Fail answers the items with err, except those that need no record.
func (g *Group) Fail(err error) {
	now := g.now().UnixMilli()
	for i := range g.Items {
		if it := &g.Items[i]; it.NeedsRecord() {
			it.Err = disk.Unavailable(err)
		} else {
			it.Entry.At = now
			it.Receipt = journal.Receipt{At: now}
		}
	}
}

// RollBack fails the items that the group would have written, and shows readers the
// rooms as they were before it.
func (g *Group) RollBack(cause error) {
	for i := range g.Items {
		// What was not written was judged by what was, and that is gone.
		if it := &g.Items[i]; it.NeedsRecord() {
			it.Err = disk.Unavailable(cause)
		}
	}
	g.Recorded, g.Records = g.Recorded[:0], nil
	for _, r := range g.joined {
		g.rooms.SetFirst(r, r.before)
	}
}

// End releases what the group holds of the store. Its rooms stay pinned; End
// returns them.
func (g *Group) End() []*Room {
	rooms := g.joined
	for _, r := range rooms {
		r.inGroup = false
		clear(r.added)
		r.added = r.added[:0]
		if cap(r.added) > RecentMin {
			r.added = nil
		}
		if r.dropped {
			g.rooms.finishEnd(r)
		}
		r.changed, r.stateChanged, r.forgot, r.dropped = nil, false, false, false
	}
	g.joined = nil
	if g.keys != nil {
		_ = g.keys.Close() // its errors were seen when it was used
	}
	g.keys, g.batch, g.store = nil, nil, nil
	return rooms
}

// set adds to the batch the key in the first n bytes of the buffer, with the value
// that value appends to it. The batch copies both. Writing to a batch cannot fail.
func (g *Group) set(n int, value func([]byte) []byte) {
	g.buffer = value(g.buffer)
	_ = g.batch.Set(g.buffer[:n], g.buffer[n:], nil)
}
