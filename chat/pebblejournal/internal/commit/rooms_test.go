package commit

import (
	"errors"
	"runtime"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/cockroachdb/pebble/v2"
)

// Pebble may end the goroutine that loads a room. Others that want the room must
// not wait for it forever, and a later one loads the room again.
func TestRooms_LoadingGoroutineEnds_OthersGetAnError(t *testing.T) {
	c := NewRooms(1<<20, func(pebble.Reader, string) (format.RoomState, error) { return format.NewRoom(0), nil })
	c.mu.Lock()
	r := c.pinLocked("room")
	c.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.loadOnce.Do(runtime.Goexit)
	}()
	<-ended
	if _, err := c.Pin("room", nil); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("Pin: %v, want ErrNotLoaded", err)
	}
	if _, err := c.Pin("room", nil); err != nil {
		t.Errorf("a later Pin: %v", err)
	}
}

// A cache of followed rooms gives back the entries of the ones that were used longest
// ago, and nothing else: rooms that are in use stay, whatever they cost.
func TestRooms_Pinned_OnlyTheirEntriesGo(t *testing.T) {
	const rooms = 1000
	c := NewRooms(256<<10, func(pebble.Reader, string) (format.RoomState, error) { return format.NewRoom(0), nil })
	var pinned []*Room
	for i := range rooms {
		r, err := c.Pin(string(rune('a'+i)), nil)
		if err != nil {
			t.Fatal(err)
		}
		pinned = append(pinned, r)
		c.mu.Lock()
		e := journal.Entry{Seq: 1, Body: make([]byte, 1000)}
		c.addRecentLocked(r, e)
		r.state.Last = e.Seq
		c.touchLocked(r)
		c.evictOldLocked()
		c.mu.Unlock()
	}
	with := 0
	for _, r := range pinned {
		if len(r.recent) > 0 {
			with++
		}
	}
	if c.cost > rooms*roomCost+c.limit || with > rooms/4 {
		t.Errorf("%d of %d rooms have entries in memory; the cache counts %d bytes", with, rooms, c.cost)
	}
	if len(c.byName) != rooms {
		t.Errorf("%d of %d rooms in use are known", len(c.byName), rooms)
	}
	c.Unpin(pinned...)
	if c.cost > c.limit || c.full.Len()+c.idle.Len() != len(c.byName) || c.idle.Len() > int(c.limit/4/roomCost) {
		t.Errorf("afterwards it has %d bytes in %d rooms, %d with entries and %d without", c.cost, len(c.byName), c.full.Len(), c.idle.Len())
	}
}
