package command

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/move"
)

// Where there is no terminal, an import says each ten seconds how far it is, how fast it is since it was started, and how long it
// takes still. With --json it says nothing.
func TestProgressLine_SaysHowFar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text, none bytes.Buffer
		lines := []*progressLine{{in: &invocation{err: &text}, what: "importing"}, {in: &invocation{err: &none, json: true}, what: "importing"}}
		m := move.Progress{Rooms: 1, AllRooms: 4, Entries: 50, AllEntries: 400, Before: 50}
		for range 21 { // a second each
			for _, p := range lines {
				p.tell(m)
			}
			time.Sleep(time.Second)
			m.Entries += 10
			m.Rooms = min(4, m.Entries/60)
		}
		m.Records = 7
		lines[0].tell(m)
		time.Sleep(time.Minute)
		lines[0].tell(m)
		lines[0].end()
		const want = "importing: 2 of 4 rooms, 150 of 400 entries, 10/s, 25s left\n" +
			"importing: 4 of 4 rooms, 250 of 400 entries, 10/s, 15s left\n" +
			"importing: 4 of 4 rooms, 260 of 400 entries, 3/s, 7 records\n"
		if text.String() != want || none.Len() > 0 {
			t.Errorf("it says\n%swant\n%s with --json %q", &text, want, &none)
		}
	})
}
