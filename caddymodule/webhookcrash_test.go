package caddymodule_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

var hookKills = flag.Int("hookkills", 3, "how often TestWebhook_BothEndsKilled_LosesNothing kills each end")

// recorded returns the numbers of each room and epoch without repeats, in the order in which
// the receiver stored them first.
func recorded(t *testing.T, r *testcaddy.Receiver) map[string][]uint64 {
	t.Helper()
	got, seen := map[string][]uint64{}, map[string]bool{}
	for _, d := range r.Stored() {
		for _, e := range d.Body.Events {
			if e.Entry == nil {
				t.Fatalf("there is a gap in %s", d.ID)
			}
			room := e.Entry.Room + " " + cmp.Or(e.Entry.Epoch, d.Body.Epoch)
			if id := fmt.Sprint(room, e.Entry.Seq); !seen[id] {
				seen[id] = true
				got[room] = append(got[room], e.Entry.Seq)
			}
		}
	}
	return got
}

// The server and the receiver are killed at random moments while users send. In the end the
// receiver has stored the whole of each room, in its order.
func TestWebhook_BothEndsKilled_LosesNothing(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	r := testcaddy.NewReceiver(t)
	p := testcaddy.NewProcess(t, testcaddy.BasicAuth+`chat {
		auth caddy
		webhook orders http://`+r.Addr+`/ {
			private
			secret `+testcaddy.HookSecret+`
			batch 20 1ms
		}
		`+hardlyLimited+`
	}`)
	talkers := []*talker{newTalker(t, p, "ann"), newTalker(t, p, "ben")}
	r.Start()
	for range *hookKills {
		p.Start()
		var talking sync.WaitGroup
		for _, k := range talkers {
			talking.Go(k.sendUntilKilled)
		}
		ends := []func(){func() { r.Kill(); r.Start() }, p.Kill}
		time.Sleep(time.Duration(50+rnd.IntN(150)) * time.Millisecond) // what is under way when they are killed is random
		ends[0]()
		time.Sleep(time.Duration(50+rnd.IntN(1200)) * time.Millisecond)
		ends[1]()
		talking.Wait()
	}
	p.Start()
	want := map[string][]uint64{}
	for _, room := range crashRooms {
		var head struct{ Epoch string }
		p.Get("/chat/rooms/"+room+"/messages?limit=1", &head)
		kept := map[string]uint64{}
		readRoom(t, p, room, kept)
		name := room + " " + head.Epoch
		for _, seq := range kept {
			want[name] = append(want[name], seq)
		}
		slices.Sort(want[name])
	}
	same := func() bool {
		got := recorded(t, r)
		for room := range want {
			if !slices.Equal(got[room], want[room]) {
				return false
			}
		}
		return len(got) == len(want)
	}
	for end := time.Now().Add(2 * time.Minute); !same(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			for room, got := range recorded(t, r) {
				t.Errorf("%s: stored %d, recorded %d, sorted %v", room, len(got), len(want[room]), slices.IsSorted(got))
			}
			t.Fatalf("the receiver has not stored what the journal has; seed %d\n%s", seed, p.Log.String())
		}
	}
	for room, seqs := range want {
		t.Logf("%s: %d entries, %d kills of each end", room, len(seqs), *hookKills)
	}
}
