// Package growth bounds by how much each user makes the records of a journal grow.
//
// # Files, lowest first
//
//	growth.go   who has added how much, and how much each may
//	records.go  by how much an entry makes records grow
package growth

import (
	"maps"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
)

// Growth is by how much each holder makes a bounded store grow. What they have added, and what the
// store can still grow by, is shared as backpressure.Limits says: so when it is nearly full, whoever
// has filled it is refused, and those who have just come are not. One alone gets half of what was
// free. Guests count by their address, and with their network.
//
// What was taken is halved each day, since nobody says when it goes. The zero Growth bounds nothing.
type Growth struct {
	// Left returns by how many bytes the store can grow, and whether that is bounded. It is quick.
	// Fixed; nil: it is not bounded.
	Left func() (bytes int64, bounded bool)

	mu     sync.Mutex // guards the rest; a leaf
	of     map[access.Person]int64
	near   map[access.Network]int64
	total  int64         // of all
	halved time.Duration // when
	left   int64         // as Left has said
	since  int64         // what was taken since it has said something else
}

// rough is the part of what is left up to which estimates are good enough.
const rough = 8

// maxGrowing bounds the holders. Of more, those who have little are forgotten.
const maxGrowing = 100_000

// Take takes about so many bytes for a holder, or returns false. exact returns how many they are
// exactly, which may be below 0: it is asked where that matters.
func (g *Growth) Take(holder access.Person, about int64, now time.Duration, exact func() int64) bool {
	if about <= 0 || g.Left == nil {
		return true
	}
	left, bounded := g.Left()
	if !bounded || g.take(holder, about, left, rough, now) {
		return true
	}
	about = exact()
	return about <= 0 || g.take(holder, about, left, 1, now)
}

// take takes n, if the holder may have so much where only a part of what is left counts.
func (g *Growth) take(holder access.Person, n, left, part int64, now time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if left != g.left {
		g.left, g.since = left, 0
	}
	for ; now-g.halved >= 24*time.Hour; g.halved += 24 * time.Hour {
		g.forgetLocked(2, 1)
	}
	own, near := g.of[holder]+n, g.near[holder.Network()]+n
	size := max(1, (left-g.since)/part+g.total)
	network, person := backpressure.Limits(size, g.total+n-near, near-own)
	if near > network || holder.HasNeighbours() && own > person {
		return false
	}
	if g.of == nil {
		g.of, g.near = map[access.Person]int64{}, map[access.Network]int64{}
	}
	g.of[holder], g.near[holder.Network()] = own, near
	g.total += n
	g.since += n
	for least := int64(1); len(g.of) > maxGrowing; least *= 2 {
		g.forgetLocked(1, least)
	}
	return true
}

// forgetLocked divides what holders have, and forgets those who have little then.
func (g *Growth) forgetLocked(by, least int64) {
	shrink(g.of, by, least)
	shrink(g.near, by, least)
	g.total = 0
	for _, n := range g.near {
		g.total += n
	}
}

func shrink[K comparable](m map[K]int64, by, least int64) {
	for k := range m {
		m[k] /= by
	}
	maps.DeleteFunc(m, func(_ K, n int64) bool { return n < least })
}
