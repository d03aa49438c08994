package feed

import (
	"fmt"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// events are the entries that a backend can ask for, by the type of their frames.
var events = []string{"message", "edited", "recalled", "tagged", "notice", "member", "info"}

// Events returns their names. The slice belongs to the caller.
func Events() []string { return append([]string(nil), events...) }

// Filter says which entries somebody wants. The zero value wants none. It is fixed once
// it is made. Rooms whose names begin with @ belong to the server: nobody gets them.
type Filter struct {
	kinds [256]bool
	rooms func(room string) bool // nil: all
}

// NewFilter returns a filter for these events; for all of them if there is none. rooms
// is asked for each room, must not block, and may be nil for all rooms.
func NewFilter(names []string, rooms func(room string) bool) (*Filter, error) {
	f := &Filter{rooms: rooms}
	if len(names) == 0 {
		names = events
	}
	for _, name := range names {
		kind, ok := journal.KindNamed(name)
		if !ok {
			return nil, fmt.Errorf("there are no events %q: there are %s", name, strings.Join(events, ", "))
		}
		if f.kinds[kind] {
			return nil, fmt.Errorf("the events %q stand twice", name)
		}
		f.kinds[kind] = true
	}
	return f, nil
}

// Wants reports whether the filter wants an entry.
func (f *Filter) Wants(e *journal.Entry) bool { return f.kinds[e.Kind] && f.wantsRoom(e.Room) }

func (f *Filter) wantsRoom(room string) bool {
	return !journal.IsReserved(room) && (f.rooms == nil || f.rooms(room))
}
