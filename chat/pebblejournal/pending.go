package pebblejournal

import "sync"

// unresolved is what a failure of the disk leaves behind until the store is open
// again.
type unresolved struct {
	mu    sync.Mutex // guards the rest
	rooms []*room    // pinned, because Pebble's memory shows entries that are lost
	items []item     // unanswered, because it is not certain whether they are recorded
}

// addRooms adds pinned rooms.
func (u *unresolved) addRooms(rooms []*room) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.rooms = append(u.rooms, rooms...)
}

// takeUncertain moves the items of g that may or may not be recorded here.
func (u *unresolved) takeUncertain(g *commitGroup) {
	u.mu.Lock()
	defer u.mu.Unlock()
	certain := g.items[:0]
	for _, it := range g.items {
		if it.written || it.original != nil {
			u.items = append(u.items, it)
		} else {
			certain = append(certain, it)
		}
	}
	g.items = certain
}

func (u *unresolved) removeItems() []item {
	u.mu.Lock()
	defer u.mu.Unlock()
	items := u.items
	u.items = nil
	return items
}

func (u *unresolved) removeRooms() []*room {
	u.mu.Lock()
	defer u.mu.Unlock()
	rooms := u.rooms
	u.rooms = nil
	return rooms
}

// dueMax bounds the rooms in dueRooms. If there are more, all rooms of the store
// are checked.
const dueMax = 16 << 10

// dueRooms are the rooms that have grown since their retention was checked.
type dueRooms struct {
	mu    sync.Mutex // guards the rest
	names map[string]struct{}
	all   bool // there were more than dueMax
}

func (d *dueRooms) add(room string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case len(d.names) >= dueMax:
		d.all = true
	case d.names == nil:
		d.names = map[string]struct{}{room: {}}
	default:
		d.names[room] = struct{}{}
	}
}

// remove empties d and returns what was in it. all says that every room of the
// store is due.
func (d *dueRooms) remove() (names map[string]struct{}, all bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	names, all = d.names, d.all
	d.names, d.all = nil, false
	return names, all
}
