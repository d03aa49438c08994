package chat

import (
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// counters only grow. They are added to once for a batch or a connection, not
// for each delivery.
type counters struct {
	messagesIn atomic.Uint64
	bytesIn    atomic.Uint64
	entries    atomic.Uint64
	deliveries atomic.Uint64
	bytesOut   atomic.Uint64
	opened     atomic.Uint64
	slow       atomic.Uint64
	batches    atomic.Uint64
	fanOut     atomic.Int64 // nanoseconds
	known      atomic.Uint64
	resumed    [resumes]atomic.Uint64
	refused    [refusals]atomic.Uint64
	errors     [maxCode]atomic.Uint64 // by wire.Code
	byes       [maxCode]atomic.Uint64
}

// maxCode is beyond every wire.Code.
const maxCode = 64

// told counts what clients were told, by its code.
func told(counts *[maxCode]atomic.Uint64) map[wire.Code]uint64 {
	list := map[wire.Code]uint64{}
	for code := range wire.Codes() {
		list[code] = counts[code].Load()
	}
	return list
}

// Refusal is a reason for which a client was not let in.
type Refusal uint8

// The refusals.
const (
	RefusedHandshake  Refusal = iota // not a sound WebSocket handshake
	RefusedOrigin                    // a page of another site
	RefusedProtocol                  // none of the offered subprotocols is known
	RefusedRoom                      // not a room's name, or a bad history
	RefusedFull                      // Settings.MaxConnections
	RefusedFullByAddr                // Settings.MaxConnectionsPerIP
	RefusedClosing                   // the hub is closing
	RefusedIdentity                  // the client's credential, or its user may not have another session
	RefusedForbidden                 // a room that the raw client may not read
	RefusedAttempts                  // Settings.ConnectRate
	RefusedGreeting                  // Settings.MaxGreeting
	RefusedRooms                     // Settings.MaxOpenRooms, or a policy's MaxMembers
	RefusedPace                      // SessionRate and the like; a frame was refused, or waited for

	refusals = iota
)

// String returns the reason as a word for metrics.
func (r Refusal) String() string {
	return [refusals]string{"handshake", "origin", "protocol", "room", "full", "full_by_address", "closing", "identity", "forbidden", "attempts", "greeting", "rooms", "pace"}[r]
}

// Resume is what became of a client's wish to go on where it was.
type Resume uint8

// The outcomes.
const (
	ResumedWhole Resume = iota // it got all that it had missed at once
	ResumedPaged               // it has more pages to ask for
	ResumedGap                 // some of it is gone, or its epoch is

	resumes = iota
)

// String returns the outcome as a word for metrics.
func (r Resume) String() string { return [resumes]string{"whole", "paged", "gap"}[r] }

// Stats is what a hub has done since its start and holds now.
type Stats struct {
	Connections int    // now
	Sessions    int    // now
	Rooms       int    // now
	Opened      uint64 // sessions
	MessagesIn  uint64 // from clients, handed to the journal
	BytesIn     uint64 // of their bodies
	Entries     uint64 // passed on by rooms
	Deliveries  uint64 // frames queued to members
	BytesOut    uint64 // of them
	Slow        uint64 // sessions cut off because they did not read
	Batches     uint64 // of entries, passed on by a room in one go
	FanOut      time.Duration
	Known       uint64 // clients whose credential was accepted, guests among them
	Parked      int    // connections that wait without a goroutine, now
	Queued      int64  // bytes that wait for clients to read, now
	Journal     JournalStats
	Resumed     map[Resume]uint64
	Refused     map[Refusal]uint64
	Errors      map[wire.Code]uint64 // frames that refused something
	Byes        map[wire.Code]uint64 // sessions that the server ended
}

// Stats returns a snapshot. Its numbers are each right, though not of one
// moment.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	s := Stats{Connections: h.admitted, Sessions: len(h.sessions), Rooms: len(h.rooms)}
	h.mu.Unlock()
	c := &h.counts
	s.Opened = c.opened.Load()
	s.MessagesIn = c.messagesIn.Load()
	s.BytesIn = c.bytesIn.Load()
	s.Entries = c.entries.Load()
	s.Deliveries = c.deliveries.Load()
	s.BytesOut = c.bytesOut.Load()
	s.Slow = c.slow.Load()
	s.Batches, s.FanOut = c.batches.Load(), time.Duration(c.fanOut.Load())
	s.Known = c.known.Load()
	s.Parked, s.Queued = h.engine.Parked(), h.engine.Queued()
	if j, ok := h.journal.(interface{ Stats() journal.Stats }); ok {
		s.Journal = j.Stats()
	}
	s.Resumed = map[Resume]uint64{}
	for i := range c.resumed {
		s.Resumed[Resume(i)] = c.resumed[i].Load()
	}
	s.Errors, s.Byes = told(&c.errors), told(&c.byes)
	s.Refused = map[Refusal]uint64{}
	for i := range c.refused {
		s.Refused[Refusal(i)] = c.refused[i].Load()
	}
	return s
}
