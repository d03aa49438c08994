//go:build unix

package chat_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

// Of two nodes over one PostgreSQL one is killed again and again, in the middle of what the users
// of both do. Whoever comes back with what they had kept, to the other node or to the new process,
// has the list that is there.
func TestList_RandomHistories_OfOneOfTwoKilledNodes_StayRight(t *testing.T) {
	const kills = 4
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	database := testpostgres.New()
	defer database.Remove()
	var nodes [2]*process
	for i := range nodes {
		nodes[i] = &process{t: t, dir: database.DSN("owner"), readers: "members"}
		nodes[i].start()
	}
	random := rand.New(rand.NewPCG(seed, 0))
	h := newHistory(t, random, [2]node{nodes[0].node(), nodes[1].node()})
	brief := 0
	for kill := 0; kill < kills || kill < 5*kills && brief == 0; kill++ { // chance may be that nobody has anything new
		for step := range 20 {
			h.step(20*kill + step)
		}
		h.blind = true
		for range 1 + random.IntN(10) {
			h.act(20*kill, random.IntN(22))
		}
		h.blind = false
		time.Sleep(time.Duration(random.IntN(5000)) * time.Microsecond) // into the middle of it
		dies := nodes[kill%2]
		dies.kill()
		for _, l := range h.all { // those of the other node come back too: answers to them are on their way
			l.conn.Close(websocket.StatusNormalClosure, "")
			l.drain()
		}
		other := nodes[1-kill%2]
		for i, l := range h.all {
			if i/2%2 == kill%2 { // at once, before the node is back
				l.open(other.url)
				l.check(20*kill + 18)
				l.conn.Close(websocket.StatusNormalClosure, "")
				l.drain()
			}
		}
		dies.start()
		h.nodes = [2]node{nodes[0].node(), nodes[1].node()}
		for i, l := range h.all {
			if all, rows := l.open(nodes[i/2%2].url); !all && rows > 0 {
				brief++
			}
		}
		for _, l := range h.all {
			l.check(20*kill + 19)
		}
	}
	if t.Logf("%d lists of what had changed", brief); brief == 0 {
		t.Error("nobody was told only what had changed")
	}
	for _, p := range nodes {
		p.end()
	}
}
