package room

import (
	"bytes"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

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
}

// A room pauses for a sixth of what a batch took, and never for long.
func TestRoom_PausesBetweenBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for took, want := range map[time.Duration]time.Duration{
			100 * time.Microsecond: 0,
			600 * time.Microsecond: 100 * time.Microsecond,
			6 * time.Millisecond:   time.Millisecond,
			time.Minute:            2 * time.Millisecond,
		} {
			began := time.Now()
			letNetworkRun(took)
			if pause := time.Since(began); pause != want {
				t.Errorf("after %v it paused for %v, want %v", took, pause, want)
			}
		}
	})
}

// listener is a session that keeps what it is sent.
type listener struct {
	mu     sync.Mutex // guards frames
	frames []string
}

func (l *listener) ID() string           { return "s" }
func (l *listener) User() journal.User   { return journal.User{ID: "ann"} }
func (l *listener) Close(wire.Code)      {}
func (l *listener) MayRead(string) error { return nil }

func (l *listener) Deliver(frames []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frames = append(l.frames, string(frames))
}

// A client that leaves a room gets its answer, also when it was removed at the same
// time.
func TestSubscription_Leave_IsAnsweredAfterARemoval(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	rooms := NewRooms(Config{
		Settings: Settings{MaxRooms: 1, OutboxLimit: 1 << 10, HidesPresence: func(string) bool { return true }},
		Journal:  j,
	})
	l := new(listener)
	sub, count, err := rooms.Join(t.Context(), "tea", l, V1, true, 0)
	if err != nil || <-count != 1 {
		t.Fatal(err)
	}
	sub.Resume(0)
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
