package room

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// A batch is encoded and compressed once for each encoding, however many receivers
// have it.
func TestFanOut_Chunk_IsEncodedOnce(t *testing.T) {
	var f fanOut
	for range 3 {
		f.add(&journal.Entry{Kind: journal.Message, Room: "r", Seq: 1, Text: true, Body: bytes.Repeat([]byte("a"), 1000)})
	}
	var sizes [encodings]int
	for d := range Encoding(encodings) {
		first := f.chunk(d)
		sizes[d] = len(first.frames)
		if again := f.chunk(d); &again.frames[0] != &first.frames[0] {
			t.Errorf("dialect %d is encoded twice", d)
		}
	}
	for _, d := range []Encoding{Raw, V1} {
		if sizes[d|Deflated] > sizes[d]/3 {
			t.Errorf("dialect %d: %d bytes, compressed %d", d, sizes[d], sizes[d|Deflated])
		}
	}
}

func TestRoom_IsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Room{}); n > 256 {
		t.Errorf("a room has %d bytes", n)
	}
	if n := unsafe.Sizeof(Subscription{}); n > 128 {
		t.Errorf("a subscription has %d bytes", n)
	}
}

// A room pauses for a sixth of what a batch took, and never for long. It does so once more while a
// slow journal records.
func TestRoom_PausesBetweenBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recording
		told := 0
		counted := func() func(journal.Receipt, error) { return r.counted(func(journal.Receipt, error) { told++ }) }
		entry := func(took time.Duration) {
			done := counted()
			time.Sleep(took)
			done(journal.Receipt{}, nil)
		}
		pauses := func(times time.Duration, entries ...time.Duration) {
			t.Helper()
			for took, want := range map[time.Duration]time.Duration{
				100 * time.Microsecond: 0,
				600 * time.Microsecond: 100 * time.Microsecond,
				6 * time.Millisecond:   time.Millisecond,
				time.Minute:            2 * time.Millisecond,
			} {
				for _, e := range entries {
					entry(e)
				}
				began := time.Now()
				r.letNetworkRun(took)
				if pause := time.Since(began); pause != times*want {
					t.Errorf("after %v it paused for %v, want %v", took, pause, times*want)
				}
			}
		}
		pauses(1)
		pauses(1, time.Second)
		one, other := counted(), counted()
		pauses(2)
		one(journal.Receipt{}, nil)
		pauses(2)
		pauses(2, time.Second, 60*time.Microsecond)
		pauses(1, time.Second, 50*time.Microsecond)
		other(journal.Receipt{}, journal.ErrUnavailable)
		pauses(1)
		if told != 22 {
			t.Errorf("%d of 22 were told", told)
		}
	})
}

// slow is a journal that keeps what is to be recorded.
type slow struct {
	journal.Journal
	record []func()
}

func (s *slow) Append(_ context.Context, _ journal.Entry, done func(journal.Receipt, error)) {
	s.record = append(s.record, func() { done(journal.Receipt{}, nil) })
}

// What a room gives to its journal is under way until it is recorded.
func TestRoom_Append_IsUnderWay(t *testing.T) {
	rooms := newRooms(t)
	r, release, err := rooms.KeepOpen(t.Context(), "tea")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	s := &slow{Journal: rooms.journal}
	rooms.journal = s
	said := make(chan error, 1)
	r.Append(t.Context(), journal.Entry{Kind: journal.Message}, func(_ journal.Receipt, err error) { said <- err })
	if n := r.recording.n.Load(); n != 1 {
		t.Errorf("%d entries are under way, want 1", n)
	}
	s.record[0]()
	if n, err := r.recording.n.Load(), <-said; n != 0 || err != nil {
		t.Errorf("%d entries are under way, and it was told %v", n, err)
	}
}

// listener is a session that keeps what it is sent.
type listener struct {
	id   string // empty: s
	user string // empty: ann
	addr netip.Addr

	mu     sync.Mutex // guards the rest
	frames []string
	ended  int
}

func (l *listener) ID() string                              { return cmp.Or(l.id, "s") }
func (l *listener) User() journal.User                      { return journal.User{ID: cmp.Or(l.user, "ann")} }
func (l *listener) Addr() netip.Addr                        { return l.addr }
func (l *listener) MayHear(string, access.Role, bool) error { return nil }

func (l *listener) Close(wire.Code) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended++
}

func (l *listener) Deliver(frames []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frames = append(l.frames, string(frames))
}

func newRooms(t *testing.T) *Rooms {
	j := memjournal.New(memjournal.Options{})
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return NewRooms(Config{
		Settings: Settings{MaxRooms: 1, OutboxLimit: 1 << 10, HeldLimit: 1 << 20, AwayDelay: time.Hour, HidesPresence: func(string) bool { return true }},
		Journal:  j,
	})
}

// join joins the room tea.
func join(t *testing.T, rooms *Rooms, l *listener, enc Encoding, max int) (sub *Subscription, members int, err error) {
	t.Helper()
	sub, arrival, err := rooms.Join(t.Context(), "tea", l, Terms{Encoding: enc, Visible: enc == V1, Max: max})
	if err != nil {
		t.Fatal(err)
	}
	members, err = arrival.Wait(t.Context())
	return sub, members, err
}

// Raw clients who speak for the first time share system calls like all others, and nobody
// of them hears themselves.
func TestRoom_FirstWords_AreOneBatch(t *testing.T) {
	rooms := newRooms(t)
	var listeners []*listener
	var subs []*Subscription
	for i := range 3 {
		l := &listener{id: fmt.Sprint("s", i)}
		sub, _, err := join(t, rooms, l, Raw, 0)
		if err != nil {
			t.Fatal(err)
		}
		sub.Resume(0, 0)
		listeners, subs = append(listeners, l), append(subs, sub)
	}
	begun, busy := make(chan struct{}), make(chan struct{})
	subs[0].room.do(func() { close(begun); <-busy })
	<-begun // else the room may take this together with the first entry
	for i, sub := range subs {
		recorded := make(chan error, 1)
		from := journal.Origin{Node: rooms.node, Session: listeners[i].id}
		sub.Append(t.Context(), journal.Entry{Kind: journal.Message, Text: true, Origin: from, Body: fmt.Appendf(nil, "<%d>", i)},
			func(_ journal.Receipt, err error) { recorded <- err })
		if err := <-recorded; err != nil {
			t.Fatal(err)
		}
	}
	close(busy)
	for _, sub := range subs {
		sub.Lose()
	}
	rooms.Close()
	rooms.Wait()
	if n := rooms.counters.Batches.Load(); n != 1 {
		t.Errorf("%d batches", n)
	}
	for i, l := range listeners {
		if got := strings.Join(l.frames, ""); strings.Count(got, "<") != 2 || strings.Contains(got, fmt.Sprint("<", i)) {
			t.Errorf("%d heard %q", i, got)
		}
	}
}

// What is delivered while somebody waits for their turn to join is no history to them: it
// comes behind their join, and they hear it.
func TestSubscription_Joined_IsWhereHearingBegins(t *testing.T) {
	rooms := newRooms(t)
	r, release, err := rooms.KeepOpen(t.Context(), "tea")
	if err != nil {
		t.Fatal(err)
	}
	deliver := func(seq journal.Seq) {
		r.Deliver(journal.Entry{Room: "tea", Kind: journal.Message, Seq: seq, From: journal.User{ID: "bo"}, Body: []byte("1")})
	}
	deliver(1)
	busy := make(chan struct{})
	r.do(func() { <-busy })
	deliver(2)
	l := new(listener)
	sub, arrival, err := rooms.Join(t.Context(), "tea", l, Terms{Encoding: V1, Visible: true})
	if err != nil {
		t.Fatal(err)
	}
	deliver(3)
	close(busy)
	if _, err := arrival.Wait(t.Context()); err != nil || sub.Joined() != 2 {
		t.Errorf("joined at %d, %v; want 2", sub.Joined(), err)
	}
	sub.Resume(2, 0)
	sub.Lose()
	release()
	rooms.Close()
	rooms.Wait()
	if len(l.frames) != 1 || !strings.Contains(l.frames[0], `"seq":3`) {
		t.Errorf("heard %q", l.frames)
	}
}

// Who was removed before their second join has its turn gets the refusal, and is not
// told that they are in the room.
func TestSubscription_HoldAfterARemoval_IsRefused(t *testing.T) {
	rooms := newRooms(t)
	sub, _, err := join(t, rooms, new(listener), V1, 0)
	if err != nil {
		t.Fatal(err)
	}
	sub.Resume(0, 0)
	rooms.Remove(t.Context(), "tea", "ann", wire.Kicked.Error(""))
	var no *wire.Error
	if _, err := sub.Hold().Wait(t.Context()); !errors.As(err, &no) || no.Code != wire.Kicked {
		t.Errorf("the second join: %v", err)
	}
	rooms.Close()
	rooms.Wait()
}

// max counts the users who are present, whatever number of sessions they have, also while they
// are away, until somebody comes for whom there is no room; and raw sessions. Whoever keeps the room open counts nobody.
func TestRooms_Join_CountsMembers(t *testing.T) {
	rooms := newRooms(t)
	_, release, err := rooms.KeepOpen(t.Context(), "tea")
	if err != nil {
		t.Fatal(err)
	}
	var subs []*Subscription
	enter := func(user string, enc Encoding, want bool) *Subscription {
		t.Helper()
		sub, _, err := join(t, rooms, &listener{user: user}, enc, 2)
		var no *wire.Error
		if full := errors.As(err, &no) && no.Code == wire.RoomFull; full == want || err != nil && !full {
			t.Errorf("%s: %v", user, err)
		}
		subs = append(subs, sub)
		return sub
	}
	phone := enter("ann", V1, true)
	enter("ann", V1, true)
	watcher := enter("", Raw, true)
	enter("bo", V1, false)
	enter("", Raw, false)
	phone.Lose()
	subs[1].Lose()
	enter("ann", V1, true) // she is back soon
	enter("bo", V1, false)
	subs[len(subs)-2].Lose()
	enter("bo", V1, true) // she might have been, and gives way
	enter("ann", V1, false)
	watcher.Lose()
	enter("ann", V1, true)
	for _, s := range subs {
		s.Lose()
	}
	release()
	rooms.Close()
	rooms.Wait()
	if err := rooms.Check(); err != nil {
		t.Error(err)
	}
}

// A client that leaves a room gets its answer, also when it was removed at the same
// time.
func TestSubscription_Leave_IsAnsweredAfterARemoval(t *testing.T) {
	rooms := newRooms(t)
	l := new(listener)
	sub, _, err := join(t, rooms, l, V1, 0)
	if err != nil {
		t.Fatal(err)
	}
	sub.Resume(0, 0)
	if n := rooms.Remove(t.Context(), "tea", "ann", wire.Kicked.Error("")); n != 1 {
		t.Fatalf("removed %d", n)
	}
	sub.Leave([]byte("the answer"))
	sub.Leave(nil)
	rooms.Close()
	rooms.Wait()
	if n := len(l.frames); n != 2 || l.frames[1] != "the answer" {
		t.Errorf("got %d frames: %q", n, l.frames)
	}
}

// No address takes all rooms that may be open: ten of them that try leave some for the
// next one, and what they made is theirs until the rooms end.
func TestRooms_Join_LeavesRoomsForOthers(t *testing.T) {
	for networks, addresses := range map[int]int{10: 1, 1: 600} {
		leavesRooms(t, networks, addresses)
	}
}

func leavesRooms(t *testing.T, networks, addresses int) {
	t.Helper()
	rooms := newRooms(t)
	settings := *rooms.settings.Load()
	settings.MaxRooms = 165
	rooms.Configure(settings)
	var subs []*Subscription
	enter := func(addr, name string) bool {
		t.Helper()
		sub, _, err := rooms.Join(t.Context(), name, &listener{user: name, addr: netip.MustParseAddr(addr)}, Terms{Encoding: V1, Visible: true})
		var no *wire.Error
		if err != nil && (!errors.As(err, &no) || no.Code != wire.Unavailable) {
			t.Fatal(err)
		}
		if err == nil {
			subs = append(subs, sub)
		}
		return err == nil
	}
	for i := range 20 {
		for a := range networks {
			for b := range addresses { // of a /48; those of one /64 are one
				enter(fmt.Sprintf("2001:db8:%d:%x::%d", a, b, i), fmt.Sprintf("room %d of %d %d", i, a, b))
			}
		}
	}
	for i := range 5 {
		for _, other := range []string{"192.0.2.1", "2001:db8:ffff::1"} {
			if !enter(other, fmt.Sprint(other, i)) {
				t.Errorf("%s may make only %d rooms of %d", other, i, settings.MaxRooms)
			}
		}
	}
	if _, release, err := rooms.KeepOpen(t.Context(), "of a key"); err != nil {
		t.Error("a key may make no room:", err)
	} else {
		release()
	}
	if !enter("2001:db8::1", "192.0.2.10") {
		t.Error("who has made many may not enter a room that is open")
	}
	for _, sub := range subs {
		sub.Lose()
	}
	rooms.Close()
	rooms.Wait()
	if !rooms.made.Take(1, access.Person{}, 1) || len(rooms.makers) > 0 {
		t.Errorf("%d rooms still count", len(rooms.makers))
	}
}
