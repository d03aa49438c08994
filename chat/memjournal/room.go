package memjournal

import (
	"container/list"
	"slices"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// room is the record of one room. store.mu guards its fields, except life and outgoing.
type room struct {
	life *life

	entries ring[kept]        // without holes; the last one has the number last
	size    int64             // of entries, by Entry.Size
	keep    journal.Retention // what Options.Retention said last

	// The room's head, beside what the entries tell.
	last     journal.Seq
	lastAt   int64            // of the entry last
	position journal.Position // of the entry last
	count    uint64
	newest   journal.Seq // the newest counting entry, kept or not
	state    journal.Seq // the newest governing entry, kept or not

	at      int64  // the newest time that was given, to a transient entry too
	lasts   bool   // the room stays when it is empty: see lasting
	spoke   uint64 // store.spoken when it got its newest entry
	emptied int64  // when it got into store.empty, Unix milliseconds

	keys     map[messageKey]firstUse // nil while there is none
	keyOrder ring[messageKey]        // of keys, oldest first

	followers []*follower[journal.Entry] // replaced, never changed: deliveries refer to it
	outgoing  outgoing

	// Where the room is in the lists of the store; nil: it is not in that list.
	inSilent, inEmpty, inOldKeys *list.Element
}

// life is one life of a name: a room that was dropped and begins again has another
// one. Nothing in it changes.
type life struct{ name, epoch string }

type messageKey struct{ user, key string }

// firstUse is the entry that used a key.
type firstUse struct {
	seq journal.Seq
	at  int64
}

// entryExtra is what an entry takes in a ring beside Entry.Size.
const entryExtra = 64

// What a room and a key count for where bytes are bounded: their texts, and what they
// take in maps and rings.

func (l *life) cost() int64      { return 640 + int64(len(l.name)) }
func (k messageKey) cost() int64 { return 176 + int64(len(k.user)+len(k.key)) }

// lasting reports whether records refer to an entry's room from now on: who belongs to
// it, what it is called, what its messages are tagged with. Such a room keeps its head.
func lasting(e *journal.Entry) bool {
	return e.Kind.Governs() || e.Kind.HasTarget() && e.Kind.Effect() == journal.NoEffect
}

func (r *room) first() journal.Seq { return r.last + 1 - journal.Seq(r.entries.len()) }

// entry returns what is kept of the entry with that number, or nil.
func (r *room) entry(seq journal.Seq) *kept {
	if seq < r.first() || seq > r.last {
		return nil
	}
	return r.entries.at(int(seq - r.first()))
}

// target returns the message that an entry would change, or nil if there is none.
func (r *room) target(seq journal.Seq) *kept {
	if e := r.entry(seq); e != nil && e.kind.Erasable() && !e.recalled {
		return e
	}
	return nil
}

// oldKey reports whether the oldest key belongs to an entry that is gone, and returns
// that entry.
func (r *room) oldKey() (firstUse, bool) {
	if r.keyOrder.len() == 0 {
		return firstUse{}, false
	}
	use := r.keys[*r.keyOrder.at(0)]
	return use, use.seq < r.first()
}

// queue queues a delivery of e. If it returns true, outgoing must be drained.
func (r *room) queue(e *journal.Entry) bool {
	return len(r.followers) > 0 && r.outgoing.Put(delivery{*e, r.followers})
}

// unfollow reports whether f was a follower.
func (r *room) unfollow(f *follower[journal.Entry]) bool {
	if !slices.Contains(r.followers, f) {
		return false
	}
	r.followers = without(r.followers, f)
	return true
}

// without returns a list without x.
func without[T comparable](list []T, x T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(y T) bool { return x == y })
}
