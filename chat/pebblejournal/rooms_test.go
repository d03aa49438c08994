package pebblejournal

import (
	"errors"
	"runtime"
	"testing"
)

// Pebble may end the goroutine that loads a room. Others that want the room must
// not wait for it forever, and a later one loads the room again.
func TestRoomCache_LoadingGoroutineEnds_OthersGetAnError(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir(), interval: -1})
	defer j.Close()
	c := newRoomCache(1 << 20)
	r := c.pinUnloaded("room")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.load.Do(runtime.Goexit)
	}()
	<-ended
	h := j.store.peek()
	if _, err := c.pin("room", h); !errors.Is(err, errNotLoaded) {
		t.Errorf("pin: %v, want errNotLoaded", err)
	}
	if _, err := c.pin("room", h); err != nil {
		t.Errorf("a later pin: %v", err)
	}
}
