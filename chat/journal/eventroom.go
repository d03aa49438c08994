package journal

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// EventRooms is how many rooms of the server hold the entries of the kind Event. There are
// several, so that no part of the feed carries all of them.
const EventRooms = 16

const eventRoom = "@hub-"

// EventRoom returns the room of the Events about a user or a room.
func EventRoom(about string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(about))
	return eventRoom + strconv.Itoa(int(h.Sum32()%EventRooms))
}

// IsEventRoom reports whether a room holds Events.
func IsEventRoom(room string) bool {
	number, ok := strings.CutPrefix(room, eventRoom)
	if !ok {
		return false
	}
	n, err := strconv.Atoi(number)
	return err == nil && n >= 0 && n < EventRooms && strconv.Itoa(n) == number
}

// EventsKept is how much of such a room every journal keeps, whatever it is told to keep of
// other rooms: as long as the feed. What the rooms together hold is 128 MiB at most.
var EventsKept = Retention{Age: 72 * time.Hour, Bytes: 8 << 20}
