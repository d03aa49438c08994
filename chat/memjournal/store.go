package memjournal

import (
	"container/list"
	"crypto/rand"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Store is what journals share that are the nodes of one chat: they have the same rooms
// and records, and each follows what the others write.
type Store struct{ *store }

// store is the inside of a Store.
type store struct {
	// Fixed.
	retention func(room string) journal.Retention
	log       *zap.Logger
	epoch     string
	nodes     *nodes

	mu       sync.Mutex // guards the rest and the rooms; mailboxes and followers are leaves below it
	maxBytes int64
	rooms    map[string]*room
	bytes    int64            // of all rooms, their entries and keys
	lasting  int64            // of these, what the rooms count for that last
	entries  uint64           // of all rooms
	recorded uint64           // entries ever
	position journal.Position // the newest one that was given
	dropped  bool             // the head of a room was
	spoken   uint64           // rises whenever a room speaks

	// The rooms that have something to lose, in the order in which they lose it. A room
	// that has nothing is in none, so nobody walks past it.
	silent  list.List // of *room: those with entries; the one that was silent longest is first
	empty   list.List // of *room: those without entries and followers that do not last; the one that became so first is first
	oldKeys list.List // of *room: those that have keys of removed entries

	feed    feed
	records records
}

// NewStore returns an empty store.
func NewStore(opt Options) *Store {
	if opt.Retention == nil {
		opt.Retention = defaultRetention
	}
	if opt.Logger == nil {
		opt.Logger = zap.NewNop()
	}
	s := &store{
		retention: func(room string) journal.Retention {
			if journal.IsEventRoom(room) {
				return journal.EventsKept
			}
			return opt.Retention(room)
		},
		log: opt.Logger, epoch: rand.Text()[:8], nodes: newNodes(),
		rooms: map[string]*room{},
	}
	s.setMaxBytes(opt.MaxBytes)
	return &Store{s}
}

func (s *store) setMaxBytes(n int64) {
	if n <= 0 {
		n = defaultMaxBytes
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxBytes = n
}

// allBytesLocked is what MaxBytes bounds.
func (s *store) allBytesLocked() int64 { return s.bytes + s.records.bytes + s.feed.bytes }

// nextEpochLocked is the epoch of a room that begins now. Once a head was dropped, it has
// the next position, which is above those of all entries that the name ever had: so it
// is another one than that of any life in which numbers were given.
func (s *store) nextEpochLocked() string {
	if !s.dropped {
		return s.epoch
	}
	return s.epoch + "." + strconv.FormatUint(uint64(s.position)+1, 10)
}

// roomLocked returns a room, and makes it if there is none.
func (s *store) roomLocked(name string) *room {
	r := s.rooms[name]
	if r == nil {
		r = &room{life: &life{name, s.nextEpochLocked()}}
		s.rooms[name] = r
		s.bytes += r.life.cost()
	}
	return r
}

// listLocked puts r into the lists that it belongs to. It must be called when r has got
// its first entry, its first follower or a key, or has lost the last of these.
func (s *store) listLocked(r *room) {
	isEmpty := r.entries.len() == 0 && len(r.followers) == 0 && !r.lasts
	if isEmpty && r.inEmpty == nil {
		r.emptied = now()
	}
	_, oldKey := r.oldKey()
	enter(&s.silent, &r.inSilent, r, r.entries.len() > 0)
	enter(&s.empty, &r.inEmpty, r, isEmpty)
	enter(&s.oldKeys, &r.inOldKeys, r, oldKey)
}

// enter puts r at the end of l, or removes it. in is where it is.
func enter(l *list.List, in **list.Element, r *room, belongs bool) {
	if belongs && *in == nil {
		*in = l.PushBack(r)
	}
	if !belongs && *in != nil {
		l.Remove(*in)
		*in = nil
	}
}

func first(l *list.List) *room {
	if e := l.Front(); e != nil {
		return e.Value.(*room)
	}
	return nil
}

// spokeLocked makes r the room that spoke last.
func (s *store) spokeLocked(r *room) {
	s.spoken++
	r.spoke = s.spoken
	s.listLocked(r)
	if r.inSilent != nil {
		s.silent.MoveToBack(r.inSilent)
	}
}

func now() int64 { return time.Now().UnixMilli() }
