package pebblejournal

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// keyLife is for how long at least an idempotency key is kept, even if its entry is
// deleted.
const keyLife = 24 * time.Hour

// keyExpired reports whether a key that was used at may be deleted with its entry.
// Both times are Unix milliseconds.
func keyExpired(at, now int64) bool { return now-at >= keyLife.Milliseconds() }

// take numbers an item and adds it to the group.
func (g *commitGroup) take(it *item) {
	switch {
	case it.change != nil:
		it.written = true
		it.err = it.change(g)
	case it.restoration != nil:
		it.err = g.restore(it)
	case !it.entry.Kind.Recorded():
		it.err = g.passOn(it)
	default:
		it.err = g.record(it)
	}
}

// passOn gives a transient entry its time. Its place among the others is that in
// the group.
func (g *commitGroup) passOn(it *item) error {
	r, err := g.room(it.entry.Room)
	if err != nil {
		return err
	}
	r.next.lastAt = max(r.next.lastAt, g.now)
	it.entry.At = r.next.lastAt
	it.receipt = journal.Receipt{At: it.entry.At}
	return nil
}

// record gives an entry its number and adds it, unless its key has been used.
func (g *commitGroup) record(it *item) error {
	e := &it.entry
	r, err := g.room(e.Room)
	if err != nil {
		return err
	}
	if e.Key != "" {
		if known, err := g.answerKnown(it, r); known || err != nil {
			return err
		}
	}
	if err := g.applyEffect(e, r); err != nil {
		return err
	}
	e.Seq, e.At = r.next.last+1, max(r.next.lastAt, g.now)
	g.add(it, r)
	return nil
}

// answerKnown answers an item whose key has been used with the first receipt.
func (g *commitGroup) answerKnown(it *item, r *room) (known bool, err error) {
	if original := g.hashes[it.hash]; original != nil {
		it.original = original
		return true, nil
	}
	if !g.filter.MayHave(it.hash) {
		return false, nil
	}
	seq, at, err := g.keyReceipt(r.name, it.hash)
	if err != nil || seq == 0 || seq < r.next.first && keyExpired(at, g.now) {
		return false, err
	}
	it.receipt = journal.Receipt{Epoch: g.epoch, Seq: seq, At: at, Duplicate: true}
	return true, nil
}

// applyEffect does what recording e does to its target.
func (g *commitGroup) applyEffect(e *journal.Entry, r *room) error {
	if e.Kind.Effect() == journal.Erase {
		return g.erase(r, e.Target)
	}
	return nil
}

// erase removes the body of the message numbered target, if the room has it.
func (g *commitGroup) erase(r *room, target journal.Seq) error {
	if target < r.next.first || target > r.next.last {
		return nil
	}
	if a := r.addedAt(target); a != nil {
		if a.Kind.Erasable() {
			erase(&a.Entry)
		}
		return nil
	}
	value, err := g.handle.get(entryKey(r.name, target))
	if err != nil || value == nil {
		return err
	}
	e, m, err := decodeEntry(value, r.name, target)
	if err != nil {
		return fmt.Errorf("recall: %w", err)
	}
	if e.Kind.Erasable() && !e.Recalled {
		erase(&e)
		g.setEntry(&e, m.end)
		r.erased = append(r.erased, target)
	}
	return nil
}

// errAfterFailure is the answer to the entries of a restoration after the one that
// failed.
var errAfterFailure = errors.New("an entry before it could not be restored")

// restore adds an entry that has its number, unless the room has it.
func (g *commitGroup) restore(it *item) error {
	if it.restoration.failed {
		return errAfterFailure
	}
	r, err := g.room(it.entry.Room)
	if err == nil {
		it.receipt.Duplicate, err = g.checkRestore(&it.entry, r)
	}
	if err == nil && !it.receipt.Duplicate {
		if err = g.applyEffect(&it.entry, r); err == nil {
			g.add(it, r)
		}
	}
	it.restoration.failed = err != nil
	return err
}

// checkRestore calls journal.CheckRestore and journal.CheckKnown for the room.
func (g *commitGroup) checkRestore(e *journal.Entry, r *room) (known bool, err error) {
	at := r.next.lastAt
	if e.At < at && e.Seq == r.next.last+1 {
		// lastAt may be the time of a transient entry, which does not count here.
		if at, err = g.newestAt(r); err != nil {
			return false, err
		}
	}
	known, err = journal.CheckRestore(e, r.next.last, at)
	if !known || err != nil || e.Seq < r.next.first {
		return known, err
	}
	there, err := g.entry(r, e.Seq)
	if err != nil {
		return false, err
	}
	return true, journal.CheckKnown(e, &there)
}

// newestAt returns the time of the room's newest entry, or 0 if it is not kept.
func (g *commitGroup) newestAt(r *room) (int64, error) {
	if r.next.empty() {
		return 0, nil
	}
	e, err := g.entry(r, r.next.last)
	return e.At, err
}
