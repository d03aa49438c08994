package caddymodule_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

// crashes is how often the server is killed.
const crashes = 20

// hardlyLimited lets users say as much as they can.
const hardlyLimited = `limits {
			session_rate 100000 100000
			session_bytes 1GiB 1GiB
			connect_rate 100000 100000
			new_rooms 100000 100000
		}`

// TestCrash_LosesNothingAcknowledged_DoublesNothing kills a server under load, many
// times. After each restart every acknowledged message still has its number. Messages
// that were not acknowledged are sent again, and are recorded once.
func TestCrash_LosesNothingAcknowledged_DoublesNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	rnd := rand.New(rand.NewPCG(seed, 0))
	p := testcaddy.NewProcess(t, testcaddy.BasicAuth+`chat {
		auth caddy
		`+hardlyLimited+`
	}`)
	talkers := []*talker{newTalker(t, p, "ann"), newTalker(t, p, "ann"), newTalker(t, p, "ben")}
	for n := 0; n < crashes || !enough(talkers); n++ {
		p.Start()
		checkKept(t, p, talkers)
		var talking sync.WaitGroup
		for _, k := range talkers {
			talking.Go(k.sendUntilKilled)
		}
		time.Sleep(time.Duration(5+rnd.IntN(120)) * time.Millisecond) // how much is sent before the server is killed is random
		p.Kill()
		talking.Wait()
		if t.Failed() {
			return
		}
	}
	p.Start()
	checkKept(t, p, talkers)
	acknowledged, again, known := tested(talkers)
	t.Logf("%d messages were acknowledged, %d sent again after a crash, %d of those known already", acknowledged, again, known)
}

func tested(talkers []*talker) (acknowledged, again, known int) {
	for _, k := range talkers {
		acknowledged += len(k.said)
		again += k.retried
		known += k.known
	}
	return acknowledged, again, known
}

// enough returns whether the crashes have met what they are to meet. On a busy machine
// that takes more of them.
func enough(talkers []*talker) bool {
	acknowledged, again, known := tested(talkers)
	return acknowledged >= 10*crashes && again >= crashes && known > 0
}

// checkKept checks that every acknowledged message is recorded under its number, and
// none twice.
func checkKept(t *testing.T, p *testcaddy.Process, talkers []*talker) {
	t.Helper()
	kept := map[string]uint64{}
	for _, room := range crashRooms {
		readRoom(t, p, room, kept)
	}
	for _, k := range talkers {
		for _, m := range k.said {
			if seq := kept[m.room+" "+k.user+" "+m.key]; seq != m.seq {
				t.Errorf("%s in %s was acknowledged as %d and is %d", m.key, m.room, m.seq, seq)
			}
		}
	}
}

var crashRooms = []string{"one", "two"}

// talker sends one message after the other, with up to three unacknowledged ones. After
// a crash it first sends the unacknowledged ones again.
type talker struct {
	t       *testing.T
	process *testcaddy.Process
	user    string
	name    string // unique
	n       int
	pending []sentMessage
	said    []sentMessage // acknowledged
	retried int
	known   int // retried, and acknowledged as duplicates
}

type sentMessage struct {
	room, key string
	seq       uint64
}

func newTalker(t *testing.T, p *testcaddy.Process, user string) *talker {
	return &talker{t: t, process: p, user: user, name: fmt.Sprintf("%s-%d", user, rand.Uint32())}
}

// sendUntilKilled sends until the server has been killed.
func (k *talker) sendUntilKilled() {
	ctx, cancel := context.WithTimeout(k.t.Context(), 20*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+k.process.Addr+"/chat", &websocket.DialOptions{
		HTTPHeader: testcaddy.As(k.user), Subprotocols: []string{"chat.v1"},
	})
	if err != nil {
		return // it was killed before
	}
	defer c.CloseNow()
	say := func(frame string) error { return c.Write(ctx, websocket.MessageText, []byte(frame)) }
	if say(`{"type":"hello","rooms":[{"room":"one"},{"room":"two"}]}`) != nil {
		return
	}
	k.retried += len(k.pending)
	for _, m := range k.pending {
		if say(m.frame()) != nil {
			return
		}
	}
	for {
		for len(k.pending) < 3 {
			k.n++
			m := sentMessage{room: crashRooms[k.n%2], key: fmt.Sprintf("%s-%d", k.name, k.n)}
			k.pending = append(k.pending, m)
			if say(m.frame()) != nil {
				return
			}
		}
		_, frame, err := c.Read(ctx)
		if err != nil {
			if ctx.Err() != nil {
				k.t.Error("the server was not killed")
			}
			return
		}
		k.hear(frame)
	}
}

// frame is the command that sends m, whose id is its key.
func (m *sentMessage) frame() string {
	return fmt.Sprintf(`{"type":"send","id":%q,"room":%q,"key":%q,"body":%q}`, m.key, m.room, m.key, "says "+m.key)
}

func (k *talker) hear(frame []byte) {
	var f struct {
		Type, ID, Code string
		Seq            uint64
		Duplicate      bool
	}
	if err := json.Unmarshal(frame, &f); err != nil {
		k.t.Errorf("%s: %v", frame, err)
	}
	switch f.Type {
	case "error", "bye":
		k.t.Errorf("heard %s", frame)
	case "ok":
		for i, m := range k.pending {
			if m.key == f.ID {
				m.seq = f.Seq
				k.said = append(k.said, m)
				k.pending = append(k.pending[:i:i], k.pending[i+1:]...)
				if f.Duplicate {
					k.known++
				}
				return
			}
		}
		k.t.Errorf("heard %s, which no message is waiting for", frame)
	}
}

// readRoom reads the whole history of a room into kept.
func readRoom(t *testing.T, p *testcaddy.Process, room string, kept map[string]uint64) {
	t.Helper()
	var history struct {
		Epoch   string
		More    bool
		Entries []struct {
			Seq  uint64
			From struct{ ID string }
			Key  string
			Body string
		}
	}
	epoch, last := "", uint64(0)
	for more := true; more; more = history.More {
		history.Entries = nil
		p.Get(fmt.Sprintf("/chat/rooms/%s/messages?after=%d", room, last), &history)
		if epoch == "" {
			epoch = history.Epoch
		}
		for _, e := range history.Entries {
			if e.Seq != last+1 || history.Epoch != epoch {
				t.Fatalf("%s: entry %d of %s comes after %d of %s", room, e.Seq, history.Epoch, last, epoch)
			}
			last = e.Seq
			name := room + " " + e.From.ID + " " + e.Key
			if kept[name] != 0 {
				t.Errorf("%s is recorded twice, as %d and %d", name, kept[name], e.Seq)
			}
			if e.Body != "says "+e.Key {
				t.Errorf("%s: entry %d of %s is %q", room, e.Seq, e.Key, e.Body)
			}
			kept[name] = e.Seq
		}
	}
}
