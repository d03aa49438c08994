package pebblejournal

import (
	"context"
	"sort"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
)

// Sweep enforces retention, the store's bound and the life of idempotency keys,
// exactly and at once, instead of in the background.
func (j *Journal) Sweep(ctx context.Context) error {
	if !j.keeper.begin(ctx) {
		return ctx.Err()
	}
	defer j.keeper.end()
	j.keeper.takeDue()
	if err := j.sweep(ctx, 0); err != nil {
		return err
	}
	return j.shrink(ctx)
}

// slack has retention wait until a room is so much over that clearing up is
// worth it: an eighth.
const slack = 8

// trimDue enforces the retention of rooms that have grown.
func (j *Journal) trimDue(ctx context.Context, due map[string]struct{}) error {
	for name := range due {
		keep := j.opt.retention(name)
		keep.Count += keep.Count / slack
		keep.Bytes += keep.Bytes / slack
		over, err := j.measure(ctx, name, keep, 0)
		if err != nil {
			return err
		}
		if over.cut > over.from {
			err = j.trimRoom(ctx, name, j.opt.retention(name), 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// excess is what of a room is not to be kept: from ≤ seq < cut.
type excess struct{ from, cut journal.Seq }

// measure finds what of a room keep lets go, and what was said before a time.
func (j *Journal) measure(ctx context.Context, name string, keep journal.Retention, before int64) (excess, error) {
	h, err := j.store.use(ctx)
	if err != nil {
		return excess{}, err
	}
	defer h.release()
	// A room that memory doesn't know is not made known: to go through all
	// rooms would drive out the busy ones.
	at, known := j.rooms.lookUp(name)
	if !known {
		if at, err = h.loadRoom(name); err != nil {
			return excess{}, err
		}
	}
	cut := keptOf(at, keep).first
	if keep.Age > 0 {
		before = max(before, j.opt.now().Add(-keep.Age).UnixMilli())
	}
	if !at.empty() && at.firstAt < before {
		young, err := h.search(name, at, func(s stamp) bool { return s.at >= before })
		if err != nil {
			return excess{}, err
		}
		cut = max(cut, young)
	}
	if limit := uint64(keep.Bytes); limit > 0 && at.end-at.base > limit {
		last, err := h.search(name, at, func(s stamp) bool { return at.end-s.end <= limit })
		if err != nil {
			return excess{}, err
		}
		cut = max(cut, last+1) // last is the last one too many
	}
	return excess{at.first, cut}, nil
}

// search returns the first entry of the room of which is holds, as it does of
// all that follow, or last+1.
func (h *handle) search(name string, at head, is func(stamp) bool) (journal.Seq, error) {
	var failed error
	n := sort.Search(int(at.last+1-at.first), func(i int) bool {
		s, err := h.stampOf(name, at.first+journal.Seq(i))
		if err != nil {
			failed = err
			return true
		}
		return is(s)
	})
	return at.first + journal.Seq(n), failed
}

// trimRoom deletes what keep lets go, and what was said before a time.
func (j *Journal) trimRoom(ctx context.Context, name string, keep journal.Retention, before int64) error {
	over, err := j.measure(ctx, name, keep, before)
	for err == nil && over.from < over.cut {
		var t trim
		if t, err = j.planTrim(ctx, name, over); err == nil {
			err = j.change(ctx, true, t.apply)
			over.from = t.to
		}
	}
	return err
}

// trimMax bounds the entries that are deleted by one commit.
const trimMax = 4096

// trim is the deletion of a room's entries from ≤ seq < to.
type trim struct {
	room     string
	from, to journal.Seq
	keys     []trimmedKey
}

// trimmedKey is the idempotency key of an entry that goes.
type trimmedKey struct {
	claim claim
	at    int64
}

// planTrim reads what goes next, for the sake of the keys.
func (j *Journal) planTrim(ctx context.Context, name string, over excess) (trim, error) {
	h, err := j.store.use(ctx)
	if err != nil {
		return trim{}, err
	}
	defer h.release()
	t := trim{room: name, from: over.from, to: min(over.cut, over.from+trimMax)}
	iter, err := h.db.NewIter(&pebble.IterOptions{
		LowerBound: entryKey(name, t.from),
		UpperBound: entryKey(name, t.to),
	})
	if err != nil {
		return trim{}, err
	}
	defer iter.Close()
	for at := iter.First(); at; at = iter.Next() {
		s, user, key, err := decodeClaim(iter.Value())
		if err != nil {
			return trim{}, err
		}
		if key != "" {
			t.keys = append(t.keys, trimmedKey{claimOf(name, user, key), s.at})
		}
	}
	return t, iter.Error()
}

// apply adds the deletion to a group. Keys that must live on are noted, to be
// deleted when they have expired.
func (t *trim) apply(g *group) error {
	r, err := g.room(t.room)
	if err != nil {
		return err
	}
	if r.next.first != t.from || t.to > r.next.last+1 {
		return nil // it has been done
	}
	base, err := g.stampOf(r, t.to-1)
	if err != nil {
		return err
	}
	first, err := g.stampOf(r, t.to)
	if err != nil {
		return err
	}
	g.tally.deletedEntries += uint64(t.to - t.from)
	g.tally.deletedBytes += base.end - r.next.base
	r.next.first, r.next.firstAt, r.next.base = t.to, first.at, base.end
	if err := g.batch.DeleteRange(entryKey(t.room, t.from), entryKey(t.room, t.to), nil); err != nil {
		return err
	}
	r.moved = true
	for _, k := range t.keys {
		g.releaseKey(t.room, k)
	}
	// Readers must stop looking for these entries before they are gone.
	g.journal.rooms.hide(r, r.next)
	return nil
}

func (g *group) releaseKey(room string, k trimmedKey) {
	if expired(k.at, g.now) {
		g.forgetKey(room, k.claim)
	} else {
		_ = g.batch.Set(appendExpiryKey(nil, k.at, room, k.claim), nil, nil)
	}
}

// stampOf returns the stamp of an entry as the group sees it, zero for one that
// isn't there yet.
func (g *group) stampOf(r *room, seq journal.Seq) (stamp, error) {
	if seq > r.next.last {
		return stamp{}, nil
	}
	if fresh := journal.Seq(len(r.fresh)); seq > r.next.last-fresh {
		f := r.fresh[seq-(r.next.last-fresh)-1]
		return stamp{f.At, f.end}, nil
	}
	return g.handle.stampOf(r.name, seq)
}
