package missed

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// apart is the time between two events about a room.
const apart = 10 * time.Second

// window has the rooms of which something is to be told, or was a moment ago. The goroutine
// of a part of the feed owns it.
type window struct {
	rooms map[string]*said
}

// said is what was said in a room since it was told of last.
type said struct {
	seq   journal.Seq      // the newest that counts; 0: nothing
	first journal.Position // the oldest one
	by    string           // who said it, if it was one user
	told  time.Time        // when the room was told of last
}

// add notes a message.
func (w *window) add(e *journal.Entry) {
	s := w.rooms[e.Room]
	if s == nil {
		s = &said{}
		w.rooms[e.Room] = s
	}
	if s.seq == 0 {
		s.first, s.by = e.Position, e.From.ID
	}
	if s.seq = e.Seq; s.by != e.From.ID {
		s.by = ""
	}
}

// due returns a room that may be told of now, and what was said there. If there is none, it
// returns how long to wait for one.
func (w *window) due(now time.Time) (room string, s *said, wait time.Duration) {
	wait = time.Hour
	for room, s := range w.rooms {
		rest := s.told.Add(apart).Sub(now)
		switch {
		case rest <= 0 && s.seq > 0:
			return room, s, 0
		case rest <= 0:
			delete(w.rooms, room)
		case s.seq > 0:
			wait = min(wait, rest)
		}
	}
	return "", nil, wait
}

// finish notes that a room was told of.
func (s *said) finish(now time.Time) { *s = said{told: now} }

// upTo returns the position behind which everything must be read again after a crash, if
// everything up to at was read.
func (w *window) upTo(at journal.Position) journal.Position {
	for _, s := range w.rooms {
		if s.seq > 0 {
			at = min(at, s.first-1)
		}
	}
	return at
}
