package chat

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// Whoever comes and goes, those end who a plain list says must.
func TestGreeting_Enter_EndsTheOldestOfTheAddressWithMost(t *testing.T) {
	hub, err := NewHub(Config{Journal: memjournal.New(memjournal.Options{}), Settings: Settings{
		MaxConnectionsPerIP: 5000, ConnectRate: access.Rate{PerSecond: 1, Burst: 5000},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close(t.Context())
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	g := newGreeting()
	var want []*session // oldest first
	for range 5000 {
		if r.IntN(3) == 0 && len(want) > 0 {
			i := r.IntN(len(want))
			g.leave(want[i])
			g.leave(want[i]) // a second time does nothing
			want = slices.Delete(want, i, i+1)
			continue
		}
		s := &session{}
		addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(1 + r.IntN(40)))})
		if _, err := hub.core.Connect(&s.Actor, newID(), addr, false); err != nil {
			t.Fatal(err)
		}
		defer s.Leave()
		want = append(want, s)
		limit := 5 + r.IntN(50)
		for _, ended := range g.enter(s, limit) {
			i := mustEnd(want)
			if want[i] != ended {
				t.Fatal("another one was ended")
			}
			want = slices.Delete(want, i, i+1)
		}
		if len(want) > limit || g.len() != len(want) {
			t.Fatalf("%d are left, want %d and at most %d", g.len(), len(want), limit)
		}
	}
	for _, s := range want {
		g.leave(s)
	}
	if g.len() != 0 {
		t.Error("something is left")
	}
}

// mustEnd returns who must make room.
func mustEnd(list []*session) int {
	count := map[netip.Addr]int{}
	most := 0
	for _, s := range list {
		key := access.NetworkKey(s.Addr())
		count[key]++
		most = max(most, count[key])
	}
	return slices.IndexFunc(list, func(s *session) bool { return count[access.NetworkKey(s.Addr())] == most })
}
