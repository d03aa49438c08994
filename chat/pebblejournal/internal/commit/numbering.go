package commit

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/rows"
	"github.com/cockroachdb/pebble/v2"
)

// KeyLife is for how long at least an idempotency key is kept, even if its entry is
// deleted.
const KeyLife = 24 * time.Hour

// KeyExpired reports whether a key that was used at may be deleted with its entry.
// Both times are Unix milliseconds.
func KeyExpired(at, now int64) bool { return now-at >= KeyLife.Milliseconds() }

// Take numbers an item and adds it to the group.
func (g *Group) Take(it *Item) {
	switch {
	case it.Change != nil:
		it.Written = true
		it.Err = it.Change(g)
	case it.Find != nil:
		it.Err = it.Find(g, it)
	case it.Restoration != nil:
		it.Err = g.restore(it)
	case !it.Entry.Kind.Recorded():
		it.Err = g.passOn(it)
	default:
		it.Err = g.record(it)
	}
}

// passOn gives a transient entry its time. Its place among the others is that in
// the group.
func (g *Group) passOn(it *Item) error {
	r, err := g.Room(it.Entry.Room)
	if err != nil {
		return err
	}
	r.clock = max(r.clock, r.next.LastAt, g.time)
	it.Entry.At = r.clock
	it.Receipt = journal.Receipt{At: r.clock}
	return nil
}

// record gives an entry its number and adds it, unless its key has been used, it has
// no target, or the room has changed. The rules apply in this order.
func (g *Group) record(it *Item) error {
	e := &it.Entry
	r, err := g.Room(e.Room)
	if err != nil {
		return err
	}
	if e.Key != "" {
		if known, err := g.AnswerKnown(it, r); known || err != nil {
			return err
		}
	}
	to, err := g.target(e, r)
	switch {
	case err != nil:
		return err
	case to == nil && e.Kind.Effect() == journal.Replace:
		return journal.ErrNoTarget
	case e.Since > 0 && r.next.Governing >= e.Since:
		return journal.ErrStale
	}
	for i := range e.With {
		if err := g.CheckRecord(e.With[i].Key, e.With[i].Value); err != nil {
			return err
		}
	}
	if e.Seq, err = journal.NextSeq(r.next.Last); err != nil {
		return err
	}
	r.clock = max(r.clock, r.next.LastAt, g.time)
	e.At = r.clock
	to.apply(e, r)
	g.add(it, r)
	return nil
}

// AnswerKnown answers an item whose key has been used with the first receipt.
func (g *Group) AnswerKnown(it *Item, r *Room) (known bool, err error) {
	if original := g.hashes[it.Hash]; original != nil {
		it.Original = original
		return true, nil
	}
	seq, at, err := g.storedUse(it, r)
	if err != nil || seq == 0 {
		return false, err
	}
	it.Receipt, err = rows.Duplicate(g.store.DB, format.RoomEpoch(g.epoch, r.next.Born), r.name, &r.next, seq, at)
	return true, g.spare(err)
}

// storedUse returns the entry that the key of an item belongs to since before the group;
// seq is 0 if there is none.
func (g *Group) storedUse(it *Item, r *Room) (seq journal.Seq, at int64, err error) {
	if r.forgot || !g.filter.MayHave(it.Hash) {
		return 0, 0, nil
	}
	seq, at, err = g.KeyReceipt(r.name, it.Hash)
	if seq < r.next.First && KeyExpired(at, g.time) {
		seq = 0
	}
	return seq, at, err
}

// target is an entry that is to be changed.
type target struct {
	entry *journal.Entry // as it is before that
	meta  format.EntryMeta
	added *addedEntry // the entry, if the group has added it
}

// target returns what recording e changes, or nil if that is nothing: a message that
// is kept and not recalled.
func (g *Group) target(e *journal.Entry, r *Room) (*target, error) {
	if e.Kind.Effect() == journal.NoEffect {
		return nil, nil
	}
	t, err := g.kept(r, e.Target)
	if t == nil || !t.entry.Kind.Erasable() || t.entry.Recalled {
		return nil, err
	}
	return t, nil
}

// kept returns an entry as it is with the group so far, or nil if it is not kept.
func (g *Group) kept(r *Room, seq journal.Seq) (*target, error) {
	if seq < r.next.First || seq > r.next.Last {
		return nil, nil
	}
	there, m, added, err := g.entry(r, seq)
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		return nil, nil
	case rows.IsDamage(err):
		return nil, g.spare(err)
	case err != nil:
		return nil, fmt.Errorf("read what is to be changed: %w", err)
	}
	return &target{there, m, added}, nil
}

// apply does what recording e does to its target, if there is one.
func (t *target) apply(e *journal.Entry, r *Room) {
	if t == nil {
		return
	}
	to := *t.entry // followers get what it was
	to.Since, to.With = 0, nil
	if e.Kind.Effect() == journal.Erase {
		to.Body, to.Text, to.Recalled = nil, false, true
	} else {
		to.Body, to.Text, to.Edited = e.Body, e.Text, e.Seq
	}
	t.replace(&to, r)
}

// replace puts another entry in the place of this one.
func (t *target) replace(to *journal.Entry, r *Room) {
	if t.added != nil {
		t.added.stored = to
		return
	}
	if r.changed == nil {
		r.changed = map[journal.Seq]*changedEntry{}
	}
	r.changed[to.Seq] = &changedEntry{*to, t.meta}
}

// errAfterFailure is the answer to the entries of a Restoration after the one that
// failed.
var errAfterFailure = errors.New("an entry before it could not be restored")

// restore adds an entry that has its number, unless the room has it.
func (g *Group) restore(it *Item) error {
	if it.Restoration.failed {
		return errAfterFailure
	}
	r, err := g.Room(it.Entry.Room)
	if err == nil {
		err = journal.CheckRestorable(&it.Entry)
	}
	if err == nil {
		it.Receipt.Duplicate, err = g.checkRestore(&it.Entry, r)
	}
	if err == nil && !it.Receipt.Duplicate {
		err = g.addRestored(it, r)
	}
	it.Restoration.failed = err != nil
	return err
}

// addRestored adds an entry that the room does not have. If its key was used before, the
// first use counts.
func (g *Group) addRestored(it *Item, r *Room) error {
	e := &it.Entry
	to, err := g.target(e, r)
	if err != nil {
		return err
	}
	if e.Key != "" {
		used := journal.Seq(0)
		if used, _, err = g.storedUse(it, r); err != nil {
			return err
		}
		it.keyUsed = used > 0 || g.hashes[it.Hash] != nil
	}
	if e.Kind.Effect() == journal.Erase || e.Body != nil || e.Text {
		to.apply(e, r) // an edit whose target was gone has no body
	}
	r.beginCount(e)
	g.add(it, r)
	return nil
}

// beginCount lets an empty room go on counting from the Count of its first entry.
func (r *Room) beginCount(e *journal.Entry) {
	if r.next.Last > 0 || e.Count == 0 {
		return
	}
	r.next.Count = e.Count
	if e.Counts() {
		r.next.Count--
	}
	r.next.Dropped = r.next.Count
}

// checkRestore calls journal.CheckRestore and journal.CheckKnown for the room.
func (g *Group) checkRestore(e *journal.Entry, r *Room) (known bool, err error) {
	known, err = journal.CheckRestore(e, r.next.Last, r.next.LastAt)
	if !known || err != nil || e.Seq < r.next.First {
		return known, err
	}
	there, _, _, err := g.entry(r, e.Seq)
	if err != nil {
		return false, err
	}
	return true, journal.CheckKnown(e, there)
}
