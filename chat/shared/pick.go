package shared

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// pending is an entry that was appended and is not answered.
type pending struct {
	entry    journal.Entry
	claim    Claim
	epoch    string // of the store, when it was appended
	done     func(journal.Receipt, error)
	sent     time.Time     // when it was appended
	finished chan struct{} // nil while nobody waits for it; guarded by part.mu; closed before done is called

	// Of the goroutine that commits.
	settled bool // it was answered without being sent, because another epoch has begun
	receipt journal.Receipt
	fault   error
}

// claimOf is the claim of a user's key in a room.
func claimOf(user, key string) (c Claim) {
	if key == "" {
		_, _ = rand.Read(c[:])
		return c
	}
	h := sha256.New()
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(user)))
	h.Write(n[:])
	h.Write([]byte(user))
	h.Write([]byte(key))
	copy(c[:], h.Sum(nil))
	return c
}

// Bounds of a batch.
const (
	batchEntries = 512
	batchBytes   = 1 << 20
)

// roomInBatch is what a batch has of a room already.
type roomInBatch struct {
	waits     bool // something of it was left over: so the rest is, to keep the order
	erasable  bool
	governing bool
	claims    map[Claim]bool       // nil: none
	targets   map[journal.Seq]bool // nil: none
}

// pick takes a batch from the front of a queue, and returns the rest in its order. An entry is
// left over, with all later ones of its room, if it depends on one that is taken: the engine decides
// about a batch as of the moment before it. So a batch has a claim once, and the target of an
// effect; an entry that replaces a body is not behind a message, which may be its target; and an
// entry with a condition is not behind a governing entry.
func pick(queue []*pending) (taken, rest []*pending) {
	rooms := map[string]*roomInBatch{}
	size := 0
	for i, p := range queue {
		if len(taken) >= batchEntries || size >= batchBytes {
			return taken, append(rest, queue[i:]...)
		}
		r := rooms[p.entry.Room]
		if r == nil {
			r = &roomInBatch{}
			rooms[p.entry.Room] = r
		}
		if r.waits || r.dependsOn(p) {
			r.waits = true
			rest = append(rest, p)
			continue
		}
		r.add(p)
		size += queuedSize(&p.entry)
		taken = append(taken, p)
	}
	return taken, rest
}

func (r *roomInBatch) dependsOn(p *pending) bool {
	effect := p.entry.Kind.Effect()
	return p.entry.Kind.Recorded() && (r.claims[p.claim] || effect != journal.NoEffect && r.targets[p.entry.Target] ||
		effect == journal.Replace && r.erasable || p.entry.Since > 0 && r.governing)
}

func (r *roomInBatch) add(p *pending) {
	kind := p.entry.Kind
	if !kind.Recorded() {
		return
	}
	if p.entry.Key != "" {
		note(&r.claims, p.claim)
	}
	if kind.Effect() != journal.NoEffect {
		note(&r.targets, p.entry.Target)
	}
	r.erasable = r.erasable || kind.Erasable()
	r.governing = r.governing || kind.Governs()
}

func note[K comparable](set *map[K]bool, k K) {
	if *set == nil {
		*set = map[K]bool{}
	}
	(*set)[k] = true
}

// queuedSize is what an entry counts for in a queue: with its records.
func queuedSize(e *journal.Entry) int {
	n := e.Size()
	for i := range e.With {
		n += len(e.With[i].Key) + len(e.With[i].Value) + 64
	}
	return n
}
