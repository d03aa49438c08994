package fake

import (
	"crypto/rand"
	"strconv"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// Parts is how many parts the feed of a Store has: so few that rooms of the tests share one.
const Parts = 3

// Store is a database that several Engines use.
type Store struct {
	mu sync.Mutex // guards the rest
	contents
	server   int // where the store is
	lossless bool
	nodes    map[string]beat
	leases   map[string]lease
	listen   map[chan []byte]bool
}

// contents are what a backup has. What slices and maps refer to is replaced and not changed.
type contents struct {
	epoch    string
	turn     uint64 // of the epoch
	usual    int    // the server that goes on with the epoch
	dropped  bool   // a room was forgotten: rooms that are made from now on get born
	parts    [Parts]part
	rooms    map[string]*room
	records  map[string]journal.Record
	changes  []change
	revision uint64 // of the newest change
}

// part is a part of the feed.
type part struct {
	rows []row
	gone uint64 // the newest row that is no longer kept
}

func (p *part) newest() uint64 { return p.gone + uint64(len(p.rows)) }

type row struct {
	shared.Row
	at int64
}

// room has the entries first, first+1 …, behind the one that base says, which was let go.
type room struct {
	part    int
	born    journal.Position // 0, or the position at which this life of the name began
	first   journal.Seq
	base    where
	entries []entry
	claims  map[shared.Claim]journal.Seq // of entries
	kept    map[shared.Claim]keptClaim   // of entries that were let go
}

// where is where a room stands at an entry.
type where struct {
	seq, state journal.Seq
	at         int64
	count      uint64
	size       int64
	position   journal.Position
}

type entry struct {
	journal.Entry
	where where
	claim shared.Claim
}

type keptClaim struct {
	seq journal.Seq
	at  int64
}

type change struct {
	shared.Changed
	at int64
}

type beat struct {
	node journal.Node
	at   time.Time
}

type lease struct {
	node  string
	until time.Time
}

// NewStore returns an empty Store.
func NewStore() *Store {
	return &Store{
		contents: contents{epoch: rand.Text()[:8], turn: 1, rooms: map[string]*room{}, records: map[string]journal.Record{}},
		nodes:    map[string]beat{}, leases: map[string]lease{}, listen: map[chan []byte]bool{},
	}
}

// life is the epoch of a room that was born at a position.
func (s *Store) life(born journal.Position) string {
	if born == 0 {
		return s.epoch
	}
	return s.epoch + "." + strconv.FormatUint(uint64(born), 10)
}

// bornNow is where a room is born that is made now in a part.
func (s *Store) bornNow(part int) journal.Position {
	if !s.dropped {
		return 0
	}
	return shared.LastOf(s.parts[part].newest())
}

// room returns a room, which it makes if it is not there.
func (s *Store) room(name string, part int) *room {
	r := s.rooms[name]
	if r == nil {
		r = &room{part: part, born: s.bornNow(part), first: 1, claims: map[shared.Claim]journal.Seq{}, kept: map[shared.Claim]keptClaim{}}
		s.rooms[name] = r
	}
	return r
}

// now is where the room stands.
func (r *room) now() where {
	if n := len(r.entries); n > 0 {
		return r.entries[n-1].where
	}
	return r.base
}

// get returns an entry that is kept, or nil.
func (r *room) get(seq journal.Seq) *entry {
	if seq < r.first || seq >= r.first+journal.Seq(len(r.entries)) {
		return nil
	}
	return &r.entries[seq-r.first]
}

// target returns an entry that an effect may change, or nil.
func (r *room) target(seq journal.Seq) *entry {
	if t := r.get(seq); t != nil && t.Kind.Erasable() && !t.Recalled {
		return t
	}
	return nil
}
