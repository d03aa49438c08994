package chat

import "sync/atomic"

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
	refused    [refusals]atomic.Uint64
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
	RefusedIdentity                  // the raw client's credential
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
	Refused     map[Refusal]uint64
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
	s.Refused = map[Refusal]uint64{}
	for i := range c.refused {
		s.Refused[Refusal(i)] = c.refused[i].Load()
	}
	return s
}
