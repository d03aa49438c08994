package acts

import (
	"context"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
	"github.com/caddychat/caddy-chat/chat/internal/checking"
	"github.com/caddychat/caddy-chat/chat/internal/command"
	"github.com/caddychat/caddy-chat/chat/internal/credentials"
	"github.com/caddychat/caddy-chat/chat/internal/erase"
	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/growth"
	"github.com/caddychat/caddy-chat/chat/internal/keyedmutex"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/profiles"
	"github.com/caddychat/caddy-chat/chat/internal/reading"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/internal/refusals"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/sanctions"
	"github.com/caddychat/caddy-chat/chat/internal/slots"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/internal/view"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Core is what every act needs: the rules and the record. It knows no sockets.
// Its methods may be called concurrently.
type Core struct {
	// Fixed. Each may be used by any goroutine.
	journal     journal.Journal
	log         *zap.Logger
	rooms       *room.Rooms
	marks       *readmarks.Marks
	profiles    profiles.Profiles
	comings     *profiles.Comings
	credentials credentials.Credentials
	patterns    *members.Patterns
	lists       list.Reader
	live        *list.Live
	sent        *readmarks.Sending[*Actor]
	seen        *readmarks.Sending[*Actor] // marks that others are told of
	sanctions   *sanctions.Sanctions
	sessions    Sessions
	commands    *command.Commands
	events      *events.Events
	asker       *checking.Asker
	context     context.Context // ends when the sessions have gone
	*timing.Clock
	refusals.Refusals
	node string // the journal's id of this process

	Counts Counters
	Slots  *slots.Slots // of connections; fixed

	current   atomic.Pointer[Settings]
	limiters  access.Limiters
	addresses access.AddressLimiter
	changing  keyedmutex.Mutex[changed]
	erasing   erase.Queue
	newRooms  access.KeyLimiter[access.Person] // first entries of rooms
	founding  access.KeyLimiter[access.Person]
	listing   access.KeyLimiter[access.Person] // commands list
	speaking  keyedmutex.Mutex[speaker]
	again     sync.WaitGroup     // acts that are judged again, and the daily sweep
	endSweep  context.CancelFunc // fixed
	reading   *reading.Reading   // fixed
	growth    growth.Growth      // of records
	sweeper   *tags.Sweeper
	hidden    view.Hidden
	inHand    backpressure.InHand
	requests  backpressure.Share // bytes that they hold

	// What clients can cause as often as they like is logged once in a while.
	saidAhead, saidFull timing.Seldom
}

// Configure changes the settings.
func (c *Core) Configure(s Settings) {
	c.patterns.Add(s.Policies) // before a conversation can be founded by them
	if old := c.current.Swap(&s); old != nil && old.Policies.Listing() != s.Policies.Listing() {
		c.live.PoliciesChanged()
	}
}

func (c *Core) settings() *Settings { return c.current.Load() }

func (c *Core) policies() access.Policies { return c.settings().Policies }

// speaker is an actor who says something in a conversation: if what it says is judged
// again, what it says next waits, and the order stays.
type speaker struct {
	unanswered *backpressure.Sum // of the actor, who alone has it
	room       string
}
