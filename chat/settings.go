package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/httpapi"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/webhook"
	"github.com/caddychat/caddy-chat/chat/wsconn"
)

// Settings of a hub. All of them may change while it runs, and then apply to
// existing connections too. Zero fields mean the defaults.
type Settings struct {
	// MaxMessage bounds a message from a client, in bytes, over all its
	// fragments. Default 64 KiB, at most journal.MaxBody.
	MaxMessage int
	// MaxConnections bounds the connections of the hub. A network (a /24 of IPv4, a /48
	// of IPv6) with more than MaxConnectionsPerIP gets at most half of them, and fewer when
	// others have many. Default 50,000.
	MaxConnections int
	// MaxConnectionsPerIP bounds those from one address; an IPv6 client counts
	// by its /64. Default 100.
	MaxConnectionsPerIP int
	// PingInterval is how long a client may be silent before it gets a ping. After
	// twice that time its connection is dropped. Default 25 s.
	PingInterval time.Duration
	// OutboxLimit bounds the bytes that wait for one client that reads slowly. A
	// client with more is cut off. Default 512 KiB. It is at least eight times
	// MaxMessage, since a text may be six times as long in JSON.
	OutboxLimit int
	// MaxText bounds the text of a message of chat.v1, in characters: a body that
	// is a string, or the field "text" of a body. Default 2500, which is as much
	// as WeChat's content check takes at once.
	MaxText int
	// MaxPage bounds the entries of one answer of chat.v1. Default 100.
	MaxPage int
	// MaxRooms bounds the rooms that one session of chat.v1 is in. Default 100.
	MaxRooms int
	// MaxSessions bounds the sessions that one user has, on all devices. Sessions
	// of raw clients who have shown who they are count too. Default 20.
	MaxSessions int
	// MaxGreeting bounds the connections of chat.v1 that have not said hello yet. When
	// one more comes, the oldest of the address that has most is ended. Default 1000.
	MaxGreeting int
	// MaxOpenRooms bounds the rooms that somebody is in. One network may open
	// half of them, and fewer when others have many. Default 100,000.
	MaxOpenRooms int
	// MaxOutboxes bounds the bytes that wait for all clients together. When it is
	// exceeded, the clients for which most waits are cut off. A quarter of it bounds what
	// clients have sent of messages that are not whole or not dealt with, another quarter what is held
	// for clients that are still reading history, another what requests over plain HTTP
	// hold (or eight times what the largest of them needs, if that is more), and another what everybody has said and the journal has not answered (or
	// eight times MaxMessage, if that is more): nobody has more than half of that, and
	// less when others have much. Default 256 MiB.
	MaxOutboxes int
	// SessionRate and SessionBytes bound the frames and the bytes that one
	// session sends; UserRate and UserBytes bound what all sessions of a user send, and
	// what comes over plain HTTP, where the guests of one address count as one user.
	// Clients of chat.v1 are told to wait. Raw clients are read more slowly.
	// Default 20 frames a second, 100 at once, and 128 KiB, 1 MiB at once; twice
	// that for a user.
	SessionRate, SessionBytes, UserRate, UserBytes access.Rate
	// ConnectRate bounds how often one address connects. Default 10 a second,
	// 100 at once.
	ConnectRate access.Rate
	// NewRooms bounds how often a user says the first thing in a room that had none:
	// everybody else keeps the room's record. Guests count by their address, since
	// one person may be many of them. Default 0.2 rooms a second, 60 at once.
	NewRooms access.Rate
	// ReadBytes bounds what is read for a user: pages of history, what they have missed,
	// what raw clients get first. Guests count by their address. Whoever has read more
	// is told to wait; raw clients wait. As many more bytes one address is answered of what
	// everybody gets: see Handler.Visit. Default 4 MiB a second, 32 MiB at once.
	ReadBytes access.Rate
	// Marks bounds the read marks that are stored for one user, in rooms that have no
	// members. Beyond it the oldest are forgotten. Default 1000.
	Marks int
	// Conversations bounds to how many conversations one user belongs. Default 10,000.
	Conversations int
	// Listed bounds the rows of all lists that are open on this node and told of changes:
	// some 40 bytes each. Default 5,000,000.
	Listed int
	// CreateRate bounds how often a user founds a conversation, and ListRate how often one
	// asks for the list after hello; guests as for NewRooms. Default 0.2 and 0.5 a second,
	// 10 at once.
	CreateRate, ListRate access.Rate
	// RecallWindow is how long an author may recall a message. Default 2 minutes.
	RecallWindow time.Duration
	// EditWindow is how long an author may edit a message. Default 15 minutes.
	EditWindow time.Duration
	// Checks are asked before anything that people say is recorded, in this order.
	Checks check.Chain
	// HelloTimeout is how long a client of chat.v1 may take to say hello.
	// Default 10 s.
	HelloTimeout time.Duration
	// AwayDelay is how long a user whose connection was lost still counts as
	// present, unless very many do. Below 0: not at all. Default 30 s.
	AwayDelay time.Duration
	// Policies say who may do what in which room. They must be valid: see
	// access.Policies.Validate. Default: every room is open to everybody.
	Policies access.Policies
	// Keys are for programs of the site, which may do what their scopes say. They must be
	// valid: see access.Keys.Validate. Default: none.
	Keys access.Keys
	// KeyRate bounds the requests of each key. Default 200 a second, 1000 at once.
	KeyRate access.Rate
	// Webhooks are where events are sent to. They must be valid: see webhook.Check; those
	// that are not are left out. Default: none.
	Webhooks []webhook.Hook
}

func (s Settings) withDefaults() Settings {
	orDefault(&s.MaxMessage, 64<<10)
	s.MaxMessage = min(s.MaxMessage, journal.MaxBody)
	orDefault(&s.MaxConnections, 50_000)
	orDefault(&s.MaxConnectionsPerIP, 100)
	orDefault(&s.PingInterval, 25*time.Second)
	orDefault(&s.OutboxLimit, 512<<10)
	s.OutboxLimit = max(s.OutboxLimit, 8*s.MaxMessage)
	orDefault(&s.MaxText, 2500)
	orDefault(&s.MaxPage, 100)
	orDefault(&s.MaxRooms, 100)
	orDefault(&s.MaxSessions, 20)
	orDefault(&s.MaxGreeting, 1000)
	orDefault(&s.MaxOpenRooms, 100_000)
	orDefault(&s.MaxOutboxes, 256<<20)
	s.SessionRate.OrDefault(20, 100)
	s.SessionBytes.OrDefault(128<<10, 1<<20)
	s.UserRate.OrDefault(2*s.SessionRate.PerSecond, double(s.SessionRate.Burst))
	s.UserBytes.OrDefault(2*s.SessionBytes.PerSecond, double(s.SessionBytes.Burst))
	s.ConnectRate.OrDefault(10, 100)
	s.NewRooms.OrDefault(0.2, 60)
	s.ReadBytes.OrDefault(4<<20, 32<<20)
	orDefault(&s.Marks, 1000)
	orDefault(&s.Conversations, 10_000)
	orDefault(&s.Listed, 5_000_000)
	s.CreateRate.OrDefault(0.2, 10)
	s.ListRate.OrDefault(0.5, 10)
	s.KeyRate.OrDefault(200, 1000)
	orDefault(&s.RecallWindow, 2*time.Minute)
	orDefault(&s.EditWindow, 15*time.Minute)
	orDefault(&s.HelloTimeout, 10*time.Second)
	if s.AwayDelay == 0 {
		s.AwayDelay = 30 * time.Second
	}
	return s
}

// EachDoubt calls f with what is rarely meant: a limit that another one leaves without effect.
func (s Settings) EachDoubt(f func(why string)) {
	set := s.withDefaults()
	if s.MaxConnectionsPerIP > set.MaxConnections {
		f("max_connections_per_ip is greater than max_connections, so it bounds nothing")
	}
	if s.OutboxLimit > set.MaxOutboxes {
		f("outbox of limits is greater than outboxes, so it bounds nothing")
	}
	if s.UserRate.PerSecond > 0 && s.SessionRate.PerSecond > s.UserRate.PerSecond {
		f("session_rate of limits is greater than user_rate, so it bounds nothing")
	}
	if s.UserBytes.PerSecond > 0 && s.SessionBytes.PerSecond > s.UserBytes.PerSecond {
		f("session_bytes of limits is greater than user_bytes, so it bounds nothing")
	}
}

// double returns 2n, or the greatest int if that is too much for one of 32 bits.
func double(n int) int { return 2 * min(n, math.MaxInt/2) }

func orDefault[N int | time.Duration](n *N, value N) {
	if *n <= 0 {
		*n = value
	}
}

// forRooms returns the settings that rooms need.
func (s *Settings) forRooms() room.Settings {
	return room.Settings{
		MaxRooms: s.MaxOpenRooms, OutboxLimit: s.OutboxLimit, HeldLimit: s.MaxOutboxes / 4, AwayDelay: s.AwayDelay,
		HidesPresence: s.Policies.HidesPresence,
	}
}

// forEngine returns the settings that the socket engine needs.
func (s *Settings) forEngine() wsconn.Config {
	return wsconn.Config{MaxMessage: s.MaxMessage, PingInterval: s.PingInterval, OutboxLimit: s.OutboxLimit, OutboxTotal: s.MaxOutboxes}
}

// forActs returns the settings that acts need.
func (s *Settings) forActs() acts.Settings {
	return acts.Settings{
		MaxConnections: s.MaxConnections, MaxConnectionsPerIP: s.MaxConnectionsPerIP,
		MaxSessions: s.MaxSessions, MaxRooms: s.MaxRooms, MaxInHand: max(s.MaxOutboxes/4, 8*s.MaxMessage), MaxText: s.MaxText, MaxMessage: s.MaxMessage, MaxPage: s.MaxPage, Marks: s.Marks,
		SessionRate: s.SessionRate, SessionBytes: s.SessionBytes, UserRate: s.UserRate, UserBytes: s.UserBytes,
		ConnectRate: s.ConnectRate, NewRooms: s.NewRooms, ReadBytes: s.ReadBytes,
		CreateRate: s.CreateRate, ListRate: s.ListRate, KeyRate: s.KeyRate, Conversations: s.Conversations, Listed: s.Listed,
		RequestBytes: max(s.MaxOutboxes/4, 8*httpapi.Largest(s.MaxMessage)), RecallWindow: s.RecallWindow, EditWindow: s.EditWindow, Policies: s.Policies, Keys: s.Keys, Checks: s.Checks,
	}
}

// wantedEvents returns the types of events that somebody asks for: webhooks by name, and a
// key that may read the feed always, since it may ask for any of them at any time.
func (s *Settings) wantedEvents() (types []string) {
	for i := range s.Webhooks {
		types = append(types, s.Webhooks[i].Events...)
	}
	for i := range s.Keys {
		if s.Keys[i].Feed {
			types = append(types, events.Types()...)
		}
	}
	return types
}

// hash is the same on nodes that have the same policies.
func (s *Settings) hash() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v", s.Policies))
	return hex.EncodeToString(sum[:4])
}
