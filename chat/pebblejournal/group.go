package pebblejournal

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
)

// keyLife is how long an idempotency key is kept at least, whatever becomes of
// its entry.
const keyLife = 24 * time.Hour

// clockStep is how many bytes the store takes in between two marks of its clock.
const clockStep = 1 << 20

// group is what one fsync makes durable. It belongs to the committer, then to
// the answerer, then to the committer again.
type group struct {
	items []item

	// Owned by the committer.
	journal *Journal
	handle  *handle
	batch   *pebble.Batch
	now     int64
	rooms   []*room          // pinned
	keys    *pebble.Iterator // of tableKey, as it was before the group; nil until needed
	claims  map[claim]*item  // made by the group
	tally   tally            // as it will be with the group
	scratch []byte
}

func newGroup(j *Journal) *group {
	return &group{journal: j, claims: map[claim]*item{}}
}

// begin readies the group for another round.
func (g *group) begin(h *handle) {
	g.handle = h
	g.now = g.journal.opt.now().UnixMilli()
	g.tally = g.journal.tally
	g.batch = h.db.NewBatch()
	clear(g.claims)
}

// add numbers an item and adds it to the batch.
func (g *group) add(it *item) {
	switch {
	case it.change != nil:
		it.recording = true
		it.err = it.change(g)
	case it.run != nil:
		it.err = g.restore(it)
	case !it.entry.Kind.Recorded():
		it.err = g.pass(it)
	default:
		it.err = g.record(it)
	}
}

// room returns the room as it is with the group so far.
func (g *group) room(name string) (*room, error) {
	r, err := g.journal.rooms.pin(name, g.handle.loadRoom)
	if err != nil {
		return nil, err
	}
	if r.joined {
		g.journal.rooms.unpin(r) // pinned already
		return r, nil
	}
	r.joined = true
	r.was = g.journal.rooms.stand(r)
	r.next = r.was
	g.rooms = append(g.rooms, r)
	return r, nil
}

// pass gives a transient entry its place and its time.
func (g *group) pass(it *item) error {
	r, err := g.room(it.entry.Room)
	if err != nil {
		return err
	}
	r.next.lastAt = max(r.next.lastAt, g.now)
	it.entry.At = r.next.lastAt
	it.receipt = journal.Receipt{At: it.entry.At}
	return nil
}

// record gives an entry its number and adds it to the batch, unless its key has
// been used.
func (g *group) record(it *item) error {
	e := &it.entry
	r, err := g.room(e.Room)
	if err != nil {
		return err
	}
	if e.Key != "" {
		if known, err := g.lookUp(it, r); known || err != nil {
			return err
		}
	}
	e.Seq, e.At = r.next.last+1, max(r.next.lastAt, g.now)
	return g.enter(it, r)
}

// enter adds an entry, with its number and its time, behind the room's last.
func (g *group) enter(it *item, r *room) error {
	e := &it.entry
	if e.Kind.Effect() == journal.Erase {
		if err := g.erase(r, e.Target); err != nil {
			return err
		}
	}
	n := &r.next
	if n.last == 0 {
		n.first = e.Seq
	}
	begins := n.empty()
	n.last, n.lastAt = e.Seq, max(n.lastAt, e.At)
	n.end += weight(e)
	if begins {
		n.firstAt, r.moved = e.At, true
	}
	if e.Key != "" {
		g.claims[it.claim] = it
		g.journal.filter.add(it.claim)
	}
	r.fresh = append(r.fresh, freshEntry{*e, n.end, it.claim})
	g.count(weight(e))
	it.receipt = journal.Receipt{Epoch: g.journal.epoch, Seq: e.Seq, At: e.At}
	it.recording = true
	return nil
}

// lookUp answers an item whose key has been used with the first one's receipt.
func (g *group) lookUp(it *item, r *room) (known bool, err error) {
	if first := g.claims[it.claim]; first != nil {
		it.first = first
		return true, nil
	}
	if !g.journal.filter.mayHave(it.claim) {
		return false, nil
	}
	seq, at, err := g.claimed(r.name, it.claim)
	if err != nil || seq == 0 || seq < r.next.first && expired(at, g.now) {
		return false, err
	}
	it.receipt = journal.Receipt{Epoch: g.journal.epoch, Seq: seq, At: at, Duplicate: true}
	return true, nil
}

// claimed returns what an idempotency key led to; seq is 0 if it is not known.
func (g *group) claimed(room string, c claim) (seq journal.Seq, at int64, err error) {
	if g.keys == nil {
		g.keys, err = g.handle.db.NewIter(&pebble.IterOptions{
			LowerBound:   tableStart(tableKey),
			UpperBound:   tableEnd(tableKey),
			UseL6Filters: true, // most keys are new; Get would look for them in the lowest level
		})
		if err != nil {
			return 0, 0, err
		}
	}
	g.scratch = appendClaimKey(g.scratch[:0], room, c)
	if !g.keys.SeekPrefixGE(g.scratch) {
		return 0, 0, g.keys.Error()
	}
	return decodeClaimed(g.keys.Value())
}

// expired reports whether a key that was used at may be forgotten with its
// entry.
func expired(at, now int64) bool { return now-at >= keyLife.Milliseconds() }

// erase takes the body out of the message numbered target.
func (g *group) erase(r *room, target journal.Seq) error {
	if target < r.next.first || target > r.next.last {
		return nil
	}
	if fresh := journal.Seq(len(r.fresh)); target > r.next.last-fresh {
		f := &r.fresh[target-(r.next.last-fresh)-1]
		if f.Kind.Erasable() {
			erase(&f.Entry)
		}
		return nil
	}
	value, err := g.handle.get(entryKey(r.name, target))
	if err != nil || value == nil {
		return err
	}
	e, s, err := decodeEntry(value, r.name, target)
	if err != nil {
		return fmt.Errorf("recall: %w", err)
	}
	if e.Kind.Erasable() && !e.Recalled {
		erase(&e)
		g.setEntry(&e, s.end)
		r.erased = append(r.erased, target)
	}
	return nil
}

// count counts an entry in the tally, and marks the clock now and then.
func (g *group) count(bytes uint64) {
	t := &g.tally
	if (t.bytes+bytes)/clockStep != t.bytes/clockStep {
		g.scratch = appendClockKey(g.scratch[:0], t.bytes)
		g.set(len(g.scratch), func(b []byte) []byte { return binary.AppendUvarint(b, uint64(g.now)) })
	}
	t.bytes += bytes
	t.entries++
}

func (g *group) setTally() {
	g.scratch = append(g.scratch[:0], tallyKey...)
	g.set(len(g.scratch), func(b []byte) []byte { return appendTally(b, &g.tally) })
}

func (g *group) setEntry(e *journal.Entry, end uint64) {
	g.scratch = appendEntryKey(g.scratch[:0], e.Room, e.Seq)
	g.set(len(g.scratch), func(b []byte) []byte { return appendEntry(b, e, end) })
}

// fill adds to the batch what the rooms have gained. It does so in the order of
// the keys: Pebble takes neighbours much faster than keys that jump about.
func (g *group) fill() {
	slices.SortFunc(g.rooms, func(a, b *room) int {
		return cmp.Or(len(a.name)-len(b.name), strings.Compare(a.name, b.name))
	})
	for _, r := range g.rooms {
		for i := range r.fresh {
			g.setEntry(&r.fresh[i].Entry, r.fresh[i].end)
		}
	}
	for _, r := range g.rooms {
		if r.moved {
			g.setHead(r)
		}
	}
	for _, r := range g.rooms {
		for i := range r.fresh {
			if f := &r.fresh[i]; f.Key != "" {
				g.setClaim(f)
			}
		}
	}
	if !g.batch.Empty() {
		g.setTally()
	}
}

func (g *group) setHead(r *room) {
	g.scratch = appendHeadKey(g.scratch[:0], r.name)
	g.set(len(g.scratch), func(b []byte) []byte { return appendHead(b, &r.next) })
}

func (g *group) setClaim(f *freshEntry) {
	g.scratch = appendClaimKey(g.scratch[:0], f.Room, f.claim)
	g.set(len(g.scratch), func(b []byte) []byte { return appendClaim(b, f.Seq, f.At) })
}

// set adds to the batch the key at the beginning of scratch, n bytes long, with
// the value that follows it there. The batch copies both. Writing to a batch
// can't fail.
func (g *group) set(n int, value func([]byte) []byte) {
	g.scratch = value(g.scratch)
	_ = g.batch.Set(g.scratch[:n], g.scratch[n:], nil)
}

// upkeep reports whether the group does nothing but make room.
func (g *group) upkeep() bool {
	for i := range g.items {
		if it := &g.items[i]; it.recording && !it.upkeep {
			return false
		}
	}
	return true
}

// fail answers everything with err but what needs no record.
func (g *group) fail(err error) {
	now := g.journal.opt.now().UnixMilli()
	for i := range g.items {
		if it := &g.items[i]; it.change == nil && !it.entry.Kind.Recorded() {
			it.entry.At = now
			it.receipt = journal.Receipt{At: now}
		} else {
			it.err = unavailable(err)
		}
	}
}

// withdraw fails what the group would have recorded, and puts its rooms back to
// how they stood.
func (g *group) withdraw(cause error) {
	for i := range g.items {
		if it := &g.items[i]; it.recording {
			it.err = unavailable(cause)
		}
	}
	for _, r := range g.rooms {
		g.journal.rooms.hide(r, r.was)
	}
}

// leave ends the group's hold on its rooms, but for their pins.
func (g *group) leave() {
	for _, r := range g.rooms {
		r.joined = false
		clear(r.fresh)
		r.fresh = r.fresh[:0]
		if cap(r.fresh) > recentMax {
			r.fresh = nil
		}
		r.erased, r.moved = nil, false
	}
	g.rooms = nil
	if g.keys != nil {
		_ = g.keys.Close() // its errors were seen when it was used
	}
	g.keys, g.handle, g.batch = nil, nil, nil
}
