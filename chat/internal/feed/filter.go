package feed

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// entries are the entries that a backend can ask for, by the type of their frames.
var entries = []string{"message", "edited", "recalled", "tagged", "notice", "member", "info"}

// Entries returns the names of what is sent to those who name nothing: entries of rooms.
// The slice belongs to the caller.
func Entries() []string { return slices.Clone(entries) }

// Events returns all names: of entries, and of events, which are only for those who ask for
// them by name. The slice belongs to the caller.
func Events() []string { return append(Entries(), events.Types()...) }

// Filter says which entries somebody wants. The zero value wants none. It is fixed once
// it is made. Of the rooms whose names begin with @, which belong to the server, nobody gets
// anything but events.
type Filter struct {
	kinds [256]bool
	types []string               // of events
	rooms func(room string) bool // nil: all
}

// NewFilter returns a filter for these names; for Entries if there is none. rooms is asked
// for each room, must not block, and may be nil for all rooms. For an event about a user, it
// is asked for the user's own room: @ and the id.
func NewFilter(names []string, rooms func(room string) bool) (*Filter, error) {
	f := &Filter{rooms: rooms}
	if len(names) == 0 {
		names = entries
	}
	for i, name := range names {
		kind, isEntry := journal.KindNamed(name)
		switch {
		case slices.Contains(names[:i], name):
			return nil, fmt.Errorf("the events %q stand twice", name)
		case isEntry:
			f.kinds[kind] = true
		case events.IsType(name):
			f.types = append(f.types, name)
		default:
			return nil, fmt.Errorf("there are no events %q: there are %s", name, strings.Join(Events(), ", "))
		}
	}
	return f, nil
}

// Wants reports whether the filter wants an entry.
func (f *Filter) Wants(e *journal.Entry) bool {
	if e.Kind != journal.Event {
		return f.kinds[e.Kind] && f.wantsRoom(e.Room)
	}
	if len(f.types) == 0 {
		return false
	}
	head, ok := events.HeadOf(e)
	return ok && slices.Contains(f.types, head.Type) && (f.rooms == nil || f.rooms(head.About()))
}

// wantsRoom reports whether the filter may want entries of a room.
func (f *Filter) wantsRoom(room string) bool {
	if journal.IsReserved(room) {
		return len(f.types) > 0 && journal.IsEventRoom(room)
	}
	return f.rooms == nil || f.rooms(room)
}
