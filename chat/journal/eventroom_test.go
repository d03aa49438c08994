package journal

import (
	"strconv"
	"testing"
)

// Events are spread over the rooms, and an Event about the same is always in the same.
func TestEventRoom(t *testing.T) {
	seen := map[string]bool{}
	for i := range 1000 {
		room := EventRoom("u" + strconv.Itoa(i))
		if !IsEventRoom(room) || !IsReserved(room) || CheckRoom(room) != nil || room != EventRoom("u"+strconv.Itoa(i)) {
			t.Fatalf("%q is no room for Events", room)
		}
		seen[room] = true
	}
	if len(seen) != EventRooms {
		t.Errorf("they are in %d rooms, not %d", len(seen), EventRooms)
	}
	for _, other := range []string{"", "hub-1", "@hub-", "@hub-16", "@hub--1", "@hub-01", "@hub-1x", "@hub", "@u7"} {
		if IsEventRoom(other) {
			t.Errorf("%q holds Events", other)
		}
	}
}
