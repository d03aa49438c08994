package chat

import (
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/view"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/webhook"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// counters only grow. Rooms have counters of their own.
type counters struct {
	opened  atomic.Uint64
	known   atomic.Uint64
	refused [refusals]atomic.Uint64
	errors  [maxCode]atomic.Uint64 // by wire.Code
	byes    [maxCode]atomic.Uint64 // by wire.Code
}

// maxCode is above every wire.Code.
const maxCode = 64

// byCode returns counters by their codes.
func byCode(counts *[maxCode]atomic.Uint64) map[wire.Code]uint64 {
	list := map[wire.Code]uint64{}
	for code := range wire.Codes() {
		list[code] = counts[code].Load()
	}
	return list
}

// Refusal is why a client was refused.
type Refusal uint8

// The refusals.
const (
	RefusedHandshake  Refusal = iota // not a valid WebSocket handshake
	RefusedOrigin                    // a page of another site
	RefusedProtocol                  // none of the offered subprotocols is known
	RefusedRoom                      // not a valid room name, or not a valid history
	RefusedFull                      // Settings.MaxConnections
	RefusedFullByAddr                // Settings.MaxConnectionsPerIP
	RefusedClosing                   // the hub is closing, or cannot reach the database of its journal
	RefusedIdentity                  // the credential, or the user has too many sessions
	RefusedForbidden                 // the raw client may not read the room
	RefusedAttempts                  // Settings.ConnectRate
	RefusedGreeting                  // Settings.MaxGreeting: it was let in, and ended before its hello
	RefusedRooms                     // Settings.MaxOpenRooms, or a policy's MaxMembers
	RefusedRate                      // SessionRate and the like: a frame was refused or had to wait

	refusals = iota
)

// String returns the reason as a word for metrics.
func (r Refusal) String() string {
	return [refusals]string{"handshake", "origin", "protocol", "room", "full", "full_by_address", "closing", "identity", "forbidden", "attempts", "greeting", "rooms", "pace"}[r]
}

// Resume is how a client came back to a room.
type Resume = view.Resume

// The outcomes.
const (
	ResumedWhole = view.ResumedWhole // it got everything that it had missed at once
	ResumedPaged = view.ResumedPaged // it must ask for more pages
	ResumedGap   = view.ResumedGap   // entries are gone, or the epoch is another one
	ResumedAhead = view.ResumedAhead // it has seen entries that the journal does not have: a gap, too
)

// Stats are the figures of a hub: what it holds now, and what it has done since its
// start.
type Stats struct {
	Connections int           // now
	Sessions    int           // now
	Rooms       int           // now
	Opened      uint64        // sessions
	MessagesIn  uint64        // what people said, handed to the journal
	BytesIn     uint64        // of their bodies
	Entries     uint64        // passed on by rooms
	Deliveries  uint64        // of entries, to sessions
	BytesOut    uint64        // of their frames
	Slow        uint64        // sessions cut off because they did not read
	Batches     uint64        // of entries, passed on by a room together
	FanOut      time.Duration // spent on that
	Known       uint64        // clients whose credential was accepted, guests included
	Parked      int           // connections that wait without a goroutine, now
	Queued      int64         // bytes that wait for clients to read, now
	Journal     journal.Stats
	Resumed     map[Resume]uint64
	Refused     map[Refusal]uint64
	Errors      map[wire.Code]uint64 // frames that refused something
	Byes        map[wire.Code]uint64 // sessions that the server ended
	Webhooks    []webhook.Status     // in the order of the settings
	Checks      []check.Figures      // in the order of the settings
	Events      uint64               // for backends, beside the entries of rooms: recorded
	EventsLost  uint64               // such events that the journal did not take
}

func (s *Stats) addRooms(c *room.Counters) {
	s.MessagesIn, s.BytesIn = c.MessagesIn.Load(), c.BytesIn.Load()
	s.Entries, s.Deliveries, s.BytesOut = c.Entries.Load(), c.Deliveries.Load(), c.BytesOut.Load()
	s.Batches, s.FanOut = c.Batches.Load(), time.Duration(c.FanOut.Load())
}

func (s *Stats) addCounters(c *counters, of *acts.Counters) {
	s.Opened, s.Known = c.opened.Load(), c.known.Load()
	s.Resumed = map[Resume]uint64{}
	for i := range of.Resumed {
		s.Resumed[Resume(i)] = of.Resumed[i].Load()
	}
	s.Refused = map[Refusal]uint64{}
	for i := range c.refused {
		s.Refused[Refusal(i)] = c.refused[i].Load()
	}
	s.Refused[RefusedRate], s.Refused[RefusedAttempts] = of.TooFast.Load(), of.Attempts.Load()
	s.Errors, s.Byes = byCode(&c.errors), byCode(&c.byes)
	s.Slow = s.Byes[wire.Slow]
}
