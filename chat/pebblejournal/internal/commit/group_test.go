package commit

import (
	"reflect"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// A group that was emptied keeps nothing alive of what it had, and no more memory than a
// usual one needs.
func TestGroup_Clear_KeepsLittle(t *testing.T) {
	for _, n := range []int{1, spareItems, spareItems + 1, 20 * spareItems} {
		g := NewGroup(nil, nil, time.Now)
		g.Items = make([]Item, n)
		g.Recorded = make([]Recorded, n)
		for i := range g.Items {
			g.Items[i].Entry.Body = []byte("x")
			g.Recorded[i].Entry = &g.Items[i].Entry
		}
		g.Records = []journal.Record{{Key: "k"}}
		g.hashes[g.Items[0].Hash], g.pending["k"] = &g.Items[0], g.Records[0]
		g.Clear()
		if len(g.Items)+len(g.Recorded)+len(g.Records)+len(g.hashes)+len(g.pending) > 0 {
			t.Errorf("%d: the group is not empty", n)
		}
		if got, want := cap(g.Items) >= n, n <= spareItems; got != want {
			t.Errorf("%d: it is used again: %t, want %t", n, got, want)
		}
		for _, it := range g.Items[:cap(g.Items)] {
			if !reflect.ValueOf(it).IsZero() {
				t.Fatalf("%d: it keeps %q", n, it.Entry.Body)
			}
		}
		for _, r := range g.Recorded[:cap(g.Recorded)] {
			if !reflect.ValueOf(r).IsZero() {
				t.Fatalf("%d: it keeps %v", n, r)
			}
		}
		if g.now == nil || g.hashes == nil || g.pending == nil {
			t.Errorf("%d: it can't be used again", n)
		}
	}
}
