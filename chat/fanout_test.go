package chat

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// A batch is encoded and compressed once for each dialect, however many members
// speak it.
func TestFanOut_Chunk_IsMadeOnceForADialect(t *testing.T) {
	var f fanOut
	for range 3 {
		f.add(&Entry{Kind: Message, Room: "r", Seq: 1, Text: true, Body: bytes.Repeat([]byte("a"), 1000)})
	}
	var sizes [dialects]int
	for d := range dialect(dialects) {
		first := f.chunk(d)
		sizes[d] = len(first.frames)
		if again := f.chunk(d); &again.frames[0] != &first.frames[0] {
			t.Errorf("dialect %d is encoded twice", d)
		}
	}
	for _, d := range []dialect{raw, v1} {
		if sizes[d|deflated] > sizes[d]/3 {
			t.Errorf("dialect %d: %d bytes, compressed %d", d, sizes[d], sizes[d|deflated])
		}
	}
}

func TestRoom_IsSmall(t *testing.T) {
	if n := unsafe.Sizeof(room{}); n > 256 {
		t.Errorf("a room has %d bytes", n)
	}
}

// A room pauses for a sixth of what a batch took, and never for long.
func TestRoom_ListensBetweenBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for took, want := range map[time.Duration]time.Duration{
			100 * time.Microsecond: 0,
			600 * time.Microsecond: 100 * time.Microsecond,
			6 * time.Millisecond:   time.Millisecond,
			time.Minute:            2 * time.Millisecond,
		} {
			began := time.Now()
			listen(took)
			if pause := time.Since(began); pause != want {
				t.Errorf("after %v it paused for %v, want %v", took, pause, want)
			}
		}
	})
}
