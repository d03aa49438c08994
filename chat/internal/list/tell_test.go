package list

import (
	"fmt"
	"testing"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// listener is a session that keeps the frames it got.
type listener struct {
	frames [][]byte
	ended  int
}

func (l *listener) Deliver(frame []byte) { l.frames = append(l.frames, frame) }

func (l *listener) Close(wire.Code) { l.ended++ }

// What is new in a room is encoded once for all who are shown the newest message, and once for
// all others, however many these are: they get the same bytes.
func TestTeller_Head_IsEncodedOnceForAll(t *testing.T) {
	const members = 1000
	encoded := 0
	w := teller{frame: func(f wire.Frame) []byte {
		encoded++
		return f.Append(nil)
	}}
	w.max = func() int { return members }
	w.users, w.rooms = map[string]*watcher{}, map[string]*listed{}
	var listeners [members]listener
	for i := range listeners {
		user := fmt.Sprint("u", i)
		w.enter(user, access.Person{User: user}, &listeners[i])
		from := journal.Seq(1)
		if i%2 == 1 {
			from = 6 // who came later is not shown what was said before
		}
		if !w.add(user, []place{{room: "g", from: from}}, policiesSum{}) {
			t.Fatal("the room is not listed")
		}
		w.openLocked(&listeners[i], user).held = false
	}
	w.tellHead("g", &journal.Head{Last: 6, Count: 1, Newest: journal.Entry{Room: "g", Seq: 5, Kind: journal.Message, Body: []byte(`{"text":"hi"}`)}}, nil)
	if encoded != 2 {
		t.Errorf("encoded %d times for %d members", encoded, members)
	}
	for i := range listeners {
		switch got := listeners[i].frames; {
		case len(got) != 1:
			t.Fatalf("member %d got %d frames", i, len(got))
		case &got[0][0] != &listeners[i%2].frames[0][0]:
			t.Errorf("member %d got bytes of its own", i)
		}
	}
	if shown, veiled := string(listeners[0].frames[0]), string(listeners[1].frames[0]); shown == veiled {
		t.Errorf("all are shown %s", shown)
	}
}
