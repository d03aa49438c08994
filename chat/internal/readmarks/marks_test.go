package readmarks

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

var ann = Key{User: "ann", Room: "tea"}

func get(t *testing.T, m *Marks, keys ...Key) []Mark {
	t.Helper()
	list, err := m.Get(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func move(t *testing.T, m *Marks, k Key, to Mark, limit int) (Mark, bool) {
	t.Helper()
	at, moved, err := m.Move(t.Context(), k, netip.Addr{}, to, limit)
	if err != nil {
		t.Fatal(err)
	}
	return at, moved
}

// A mark never goes back, and one of another epoch counts as none, for users and for
// guests.
func TestMarks_Move_NeverGoesBack(t *testing.T) {
	for _, guest := range []bool{false, true} {
		m := New(memjournal.New(memjournal.Options{}).Records())
		k := Key{User: "ann", Room: "tea", Guest: guest}
		for _, c := range []struct{ to, at Mark }{
			{Mark{"a", 0, 0, 0}, Mark{}},
			{Mark{"a", 5, 3, 0}, Mark{"a", 5, 3, 0}},
			{Mark{"a", 4, 2, 0}, Mark{"a", 5, 3, 0}},
			{Mark{"a", 5, 9, 0}, Mark{"a", 5, 3, 0}},
			{Mark{"b", 1, 1, 0}, Mark{"b", 1, 1, 0}},
			{Mark{"b", 2, 2, 0}, Mark{"b", 2, 2, 0}},
		} {
			at, moved := move(t, m, k, c.to, 10)
			if at != c.at || moved != (c.to == c.at) {
				t.Errorf("guest %v, to %v: at %v, moved %v", guest, c.to, at, moved)
			}
			if got := get(t, m, k)[0]; got != c.at {
				t.Errorf("guest %v: is at %v, want %v", guest, got, c.at)
			}
		}
		if got := get(t, m, k)[0].In("a"); got != (Mark{}) {
			t.Errorf("in another epoch the mark is %v", got)
		}
	}
}

// Two hubs with one store move the same marks: the farthest place wins.
func TestMarks_Move_FromTwoHubs(t *testing.T) {
	records := memjournal.New(memjournal.Options{}).Records()
	var moving sync.WaitGroup
	for range 8 {
		m := New(records)
		moving.Go(func() {
			for range 100 {
				n := journal.Seq(rand.IntN(1000) + 1)
				at, _, err := m.Move(t.Context(), ann, netip.Addr{}, Mark{"a", n, uint64(n), 0}, 10)
				if err != nil || at.Seq < n {
					t.Errorf("moved to %d, and is at %d, %v", n, at.Seq, err)
				}
			}
			if at, _, err := m.Move(t.Context(), ann, netip.Addr{}, Mark{"a", 1000, 1000, 0}, 10); err != nil || at.Seq != 1000 {
				t.Errorf("is at %v, %v", at, err)
			}
		})
	}
	moving.Wait()
}

// A record of before marks had a count is read until the mark moves. Its count is its
// number, since everything counted.
func TestMarks_OldRecord_IsReadAndReplaced(t *testing.T) {
	ctx := t.Context()
	records := memjournal.New(memjournal.Options{}).Records()
	if err := records.Put(ctx, "read\x00ann\x00tea", []byte(`{"epoch":"a","seq":7}`)); err != nil {
		t.Fatal(err)
	}
	m := New(records)
	if got := get(t, m, Key{User: "bo", Room: "tea", Guest: false}, ann); got[0] != (Mark{}) || got[1] != (Mark{"a", 7, 7, 0}) {
		t.Errorf("got %v", got)
	}
	if at, moved := move(t, m, ann, Mark{"a", 6, 4, 0}, 10); moved || at != (Mark{"a", 7, 7, 0}) {
		t.Errorf("the old record is at %v", at)
	}
	if at, moved := move(t, m, ann, Mark{"a", 8, 5, 0}, 10); !moved || at != (Mark{"a", 8, 5, 0}) {
		t.Errorf("moved to %v", at)
	}
	if old, err := records.Get(ctx, "read\x00ann\x00tea"); err != nil || old.Value != nil {
		t.Errorf("the old record is still %q, %v", old.Value, err)
	}
	if got := get(t, m, ann)[0]; got != (Mark{"a", 8, 5, 0}) {
		t.Errorf("is at %v", got)
	}
}

// A user has so many marks. The one that has not moved for longest goes, first those
// that were never moved since marks have a count; those of others stay.
func TestMarks_Move_KeepsSoManyMarks(t *testing.T) {
	records := memjournal.New(memjournal.Options{}).Records()
	m := New(records)
	room := func(i int) Key { return Key{User: "ann", Room: fmt.Sprint(i)} }
	if err := records.Put(t.Context(), room(0).oldRecord(), []byte(`{"epoch":"a","seq":1}`)); err != nil {
		t.Fatal(err)
	}
	other := Key{User: "anna", Room: "tea"}
	move(t, m, other, Mark{"a", 1, 1, 0}, 3)
	for i := 1; i <= 3; i++ {
		move(t, m, room(i), Mark{"a", 1, 1, 0}, 3)
	}
	move(t, m, room(1), Mark{"a", 2, 2, 0}, 3) // now 2 is the oldest
	move(t, m, room(4), Mark{"a", 1, 1, 0}, 3)
	for i, want := range []journal.Seq{0, 2, 0, 1, 1} {
		if got := get(t, m, room(i))[0].Seq; got != want {
			t.Errorf("the mark of room %d is at %d, want %d", i, got, want)
		}
	}
	if got := get(t, m, other)[0].Seq; got != 1 {
		t.Errorf("another user's mark is at %d", got)
	}
}

func TestMarks_BadRecord_IsAnError(t *testing.T) {
	records := memjournal.New(memjournal.Options{}).Records()
	if err := records.Put(t.Context(), ann.record(), []byte("7")); err != nil {
		t.Fatal(err)
	}
	m := New(records)
	if _, err := m.Get(t.Context(), []Key{ann}); err == nil {
		t.Error("a record that is no mark is read")
	}
	if _, _, err := m.Move(t.Context(), ann, netip.Addr{}, Mark{"a", 1, 1, 0}, 1); err == nil {
		t.Error("a record that is no mark is replaced")
	}
}

// moves are the moves that a Sending has made.
type moves struct {
	mu   sync.Mutex
	list []string
}

func (m *moves) add(k Key, to Mark, by string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, fmt.Sprint(k.Room, to.Seq, by))
}

func (m *moves) check(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	if fmt.Sprint(m.list) != fmt.Sprint(want) {
		t.Errorf("moved %v, want %v", m.list, want)
	}
	m.list = nil
}

// A mark moves at once, and then at most once a second, to the newest place.
func TestSending_MovesOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m moves
		s := NewSending(m.add)
		say := func(room string, seq journal.Seq, by string) {
			s.Sent(Key{User: "ann", Room: room, Guest: false}, Mark{"a", seq, 0, 0}, by)
		}
		say("tea", 1, "a")
		m.check(t, "tea1a")
		for i := range 5 {
			say("tea", journal.Seq(2+i), "b")
		}
		say("tea", 4, "late") // older than one that waits
		say("rum", 1, "a")    // another room does not wait
		m.check(t, "rum1a")
		time.Sleep(interval)
		m.check(t, "tea6b")
		say("tea", 7, "c")
		m.check(t)
		time.Sleep(interval)
		m.check(t, "tea7c")
		time.Sleep(2 * interval)
		m.check(t)
		s.mu.Lock()
		if n := len(s.pending); n != 0 {
			t.Errorf("%d marks are left in memory", n)
		}
		s.mu.Unlock()
		say("tea", 8, "d")
		m.check(t, "tea8d")
		say("tea", 9, "e")
		s.Close() // the newest is not lost
		m.check(t, "tea9e")
		say("tea", 10, "f")
		m.check(t)
	})
}

// While moves hang, what waits is bounded, and so are the goroutines.
func TestSending_Hangs_IsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		s := NewSending(func(Key, Mark, int) { <-free })
		for i := range maxPending + 100 {
			s.Sent(Key{User: "ann", Room: fmt.Sprint(i), Guest: false}, Mark{"a", 1, 1, 0}, 0)
		}
		synctest.Wait()
		s.mu.Lock()
		if s.movers != maxMovers || len(s.pending) != maxPending {
			t.Errorf("%d movers, %d marks wait", s.movers, len(s.pending))
		}
		s.mu.Unlock()
		close(free)
		s.Close()
	})
}

// failing are records that cannot be written.
type failing struct{ journal.Records }

var errFull = errors.New("disk is full")

func (failing) Update(context.Context, string, func([]byte) ([]byte, error)) error { return errFull }

func TestMarks_Move_SaysWhyNot(t *testing.T) {
	m := New(failing{memjournal.New(memjournal.Options{}).Records()})
	if _, moved, err := m.Move(t.Context(), ann, netip.Addr{}, Mark{"a", 1, 1, 0}, 1); moved || !errors.Is(err, errFull) {
		t.Errorf("moved %v, %v", moved, err)
	}
}

// The network with most marks of guests loses the one that has not moved for longest, and
// nobody else loses any.
func TestMarks_OfGuests_TheNetworkWithMostLosesThem(t *testing.T) {
	m := New(memjournal.New(memjournal.Options{}).Records())
	m.guests.most = 100
	greedy, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.2")
	mark := func(from netip.Addr, user string, seq journal.Seq) {
		t.Helper()
		if _, _, err := m.Move(t.Context(), Key{User: user, Room: "tea", Guest: true}, from, Mark{"a", seq, uint64(seq), 0}, 10); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		mark(other, fmt.Sprint("other", i), 1)
	}
	mark(greedy, "faithful", 1)
	for i := range 1000 {
		mark(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), fmt.Sprint("greedy", i), 1)
		mark(greedy, "faithful", journal.Seq(2+i))
	}
	var keys []Key
	for i := range 10 {
		keys = append(keys, Key{User: fmt.Sprint("other", i), Room: "tea", Guest: true})
	}
	keys = append(keys, Key{User: "faithful", Room: "tea", Guest: true}, Key{User: "greedy999", Room: "tea", Guest: true})
	for i, got := range get(t, m, keys...) {
		if got.Seq == 0 {
			t.Errorf("the mark of %s is lost", keys[i].User)
		}
	}
	if n := len(m.guests.marks); n != 100 || m.guests.order.Len() != n {
		t.Errorf("there are %d marks", n)
	}
}
