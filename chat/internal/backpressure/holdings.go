package backpressure

import "github.com/caddychat/caddy-chat/chat/access"

// Holdings are how much each person has of something of which there is only so much, and
// how much each network has: somebody who can choose addresses has as many as they like in
// one network. So networks are bounded, and addresses within them: see Limits. Whatever is
// shared counts with it. The zero Holdings are empty. Its caller sees to it that no calls overlap.
type Holdings struct {
	taken    int
	persons  map[access.Person]int
	networks map[access.Network]int
}

// Add adds n to what a person has.
func (h *Holdings) Add(p access.Person, n int) {
	if h.persons == nil {
		h.persons, h.networks = map[access.Person]int{}, map[access.Network]int{}
	}
	h.taken += n
	add(h.persons, p, n)
	add(h.networks, p.Network(), n)
}

func add[K comparable](m map[K]int, k K, n int) {
	if m[k] += n; m[k] == 0 {
		delete(m, k)
	}
}

// Taken returns how much all have.
func (h *Holdings) Taken() int { return h.taken }

// Of returns how much a person has, and the person's network.
func (h *Holdings) Of(p access.Person) (own, near int) {
	return h.persons[p], h.networks[p.Network()]
}

// Left returns how much a person may still take of size. It may be below 0.
func (h *Holdings) Left(size int, p access.Person) int {
	own, near := h.Of(p)
	network, person := Limits(int64(size), int64(h.taken-near), int64(near-own))
	left := int(network) - near
	if p.HasNeighbours() {
		left = min(left, int(person)-own)
	}
	return left
}

// Exceeds reports whether a has more than b: a's network has, or it has as much and a has more.
func (h *Holdings) Exceeds(a, b access.Person) bool {
	ownA, nearA := h.Of(a)
	ownB, nearB := h.Of(b)
	return nearA > nearB || nearA == nearB && ownA > ownB
}

// Whose says who has most of what is taken.
type Whose string

// Who may have most. Texts end with them: "too many requests are under way from this network".
const (
	OfAddress Whose = " from this address"
	OfNetwork Whose = " from this network"
	OfAll     Whose = ""
)

// Whose returns who has at least half of all that is taken: the address, or else its network,
// or neither.
func (h *Holdings) Whose(p access.Person) Whose {
	own, near := h.Of(p)
	switch {
	case !p.HasNeighbours():
	case own > 0 && own >= h.taken-own:
		return OfAddress
	case near > 0 && near >= h.taken-near:
		return OfNetwork
	}
	return OfAll
}
