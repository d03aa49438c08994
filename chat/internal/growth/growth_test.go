package growth

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

func user(i int) access.Person { return access.Person{User: fmt.Sprint(i)} }

// However much a few holders add, something is left for whoever comes. Days later they may add a
// little again. And what adds nothing is never refused.
func TestGrowth_LeavesSomethingForOthers(t *testing.T) {
	const size = 1 << 20
	used := int64(size / 2) // before anybody is counted
	g := Growth{Left: func() (int64, bool) { return size - used, true }}
	add := func(holder string, n int64, now time.Duration) bool {
		ok := g.Take(access.Person{User: holder}, n, now, func() int64 { return n })
		if ok {
			used += n
		}
		return ok
	}
	for range 10_000 {
		for flood := range 3 {
			add(fmt.Sprint("flood", flood), 100, 0)
		}
	}
	if left := int64(size - used); left < size/5 || left > size/4 {
		t.Errorf("three of them leave %d, want less than half of what was left", left)
	}
	for newcomer := range 100 {
		if !add(fmt.Sprint(newcomer), 1000, 0) {
			t.Errorf("newcomer %d is refused, and %d are left", newcomer, size-used)
		}
	}
	if add("flood0", 100, 0) || !g.Take(access.Person{User: "flood0"}, 100, 0, func() int64 { return 0 }) || !g.Take(access.Person{User: "flood0"}, 0, 0, nil) {
		t.Error("one who has too much may add, or not take away")
	}
	if !add("flood0", 100, 5*24*time.Hour) {
		t.Error("after five days nothing is possible again")
	}
}

// Guests at 600 addresses of one network leave as much as they have added.
func TestGrowth_OneNetwork_LeavesSomethingForOthers(t *testing.T) {
	left := int64(10_000)
	g := Growth{Left: func() (int64, bool) { return left, true }}
	at := func(i int) access.Person {
		return access.PersonAt(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 6: byte(i >> 8), 7: byte(i)}))
	}
	add := func(p access.Person) bool {
		ok := g.Take(p, 10, 0, func() int64 { return 10 })
		if ok {
			left -= 10
		}
		return ok
	}
	for i := range 600 * 100 {
		add(at(i % 600))
	}
	if left < 5000 {
		t.Errorf("one network leaves %d of 10000", left)
	}
	for _, who := range []access.Person{access.PersonAt(netip.MustParseAddr("192.0.2.1")), user(1)} {
		for range 50 {
			if !add(who) {
				t.Fatalf("%v is refused", who)
			}
		}
	}
}

// Of holders that come one after the other, and add all that they may, many leave something for
// whoever comes then.
func TestGrowth_OneAfterTheOther_LeavesSomething(t *testing.T) {
	left := int64(32 << 20)
	g := Growth{Left: func() (int64, bool) { return left, true }}
	all := func(who int) (got int64) {
		for g.Take(user(who), 20_000, 0, func() int64 { return 20_000 }) {
			left -= 20_000
			got += 20_000
		}
		return got
	}
	for k := range 60 {
		if got := all(k); got < 60_000 {
			t.Fatalf("the one after %d adds %d, and %d are left", k, got, left)
		}
		if k == 9 && left < 4<<20 {
			t.Errorf("ten leave %d", left)
		}
	}
}

// What was taken counts until the store says something else.
func TestGrowth_CountsWhatTheStoreDoesNotSayYet(t *testing.T) {
	left := int64(1000)
	g := Growth{Left: func() (int64, bool) { return left, true }}
	n := 0
	for holder := range 1000 {
		if g.Take(user(holder), 10, 0, func() int64 { return 10 }) {
			n++
		}
	}
	if n < 80 || n > 90 {
		t.Errorf("%d times 10 of 1000 were taken", n)
	}
	if left = 990; !g.Take(user(1000), 10, 0, func() int64 { return 10 }) {
		t.Error("the store says that there is room, and somebody is refused")
	}
}

// Holders are bounded: those who have little are forgotten first.
func TestGrowth_HoldersAreBounded(t *testing.T) {
	g := Growth{Left: func() (int64, bool) { return 1 << 50, true }}
	g.Take(user(-1), 1<<20, 0, nil)
	for i := range 2 * maxGrowing {
		g.Take(user(i), 10, 0, nil)
		if len(g.of) > maxGrowing {
			t.Fatalf("%d holders", len(g.of))
		}
	}
	if g.of[user(-1)] != 1<<20 {
		t.Errorf("the one with most has %d", g.of[user(-1)])
	}
	if g = (Growth{}); !g.Take(user(1), 1<<60, 0, nil) {
		t.Error("without a bound somebody is refused")
	}
	g.Left = func() (int64, bool) { return 0, false }
	if !g.Take(user(1), 1<<60, 0, nil) || len(g.of) > 0 {
		t.Error("without a bound somebody is refused, or counted")
	}
}

// What replaces records, or deletes them, counts for what it adds to them.
func TestGrowth_Fits_CountsWhatIsAdded(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	ann := access.Person{User: "ann"}
	const before = 160 + 1 + 100
	if err := j.Records().Put(t.Context(), "k", make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	g := Growth{Left: func() (int64, bool) { return before, true }}
	fits := func(key string, value []byte) bool {
		return g.Fits(t.Context(), j.Records(), ann, []journal.Record{{Key: key, Value: value}}, 0)
	}
	if !fits("k", make([]byte, 100)) || !fits("k", nil) || !fits("k", make([]byte, 150)) || g.of[ann] != 50 {
		t.Errorf("what is there takes %d more", g.of[ann])
	}
	if fits("k", make([]byte, 300)) || fits("l", make([]byte, 100)) {
		t.Error("what does not fit is let in")
	}
}
