package acts

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/checking"
	"github.com/caddychat/caddy-chat/chat/internal/command"
	"github.com/caddychat/caddy-chat/chat/internal/credentials"
	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/profiles"
	"github.com/caddychat/caddy-chat/chat/internal/reading"
	"github.com/caddychat/caddy-chat/chat/internal/readmarks"
	"github.com/caddychat/caddy-chat/chat/internal/room"
	"github.com/caddychat/caddy-chat/chat/internal/sanctions"
	"github.com/caddychat/caddy-chat/chat/internal/slots"
	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Config is what a Core is made of.
type Config struct {
	Settings Settings
	Journal  journal.Journal
	Lister   journal.Lister  // of the same journal; nil: it cannot list its rooms
	Bounded  journal.Bounded // the same journal; nil: it does not bound its records
	Log      *zap.Logger
	Rooms    *room.Rooms
	Events   *events.Events
	Clock    *timing.Clock
	Context  context.Context // ends when the sessions have gone
	Sessions Sessions
	Commands *command.Commands // to other nodes
}

// New returns a Core. It reads the mutes and bans from the journal, and returns an
// error if it cannot.
func New(cfg Config) (*Core, error) {
	c := &Core{journal: cfg.Journal, log: cfg.Log, rooms: cfg.Rooms, events: cfg.Events, Clock: cfg.Clock, context: cfg.Context}
	c.Refusals.Log, c.Refusals.Clock = cfg.Log, cfg.Clock
	c.asker = &checking.Asker{Log: cfg.Log, Clock: cfg.Clock, Events: cfg.Events, Context: cfg.Context}
	c.sessions, c.commands, c.Slots = cfg.Sessions, cfg.Commands, slots.New()
	c.profiles = profiles.Profiles{Records: cfg.Journal.Records(), Online: cfg.Commands.Names}
	c.comings = profiles.NewComings(c.profiles, c.Soon, c.log)
	c.credentials = credentials.Credentials{Clock: c.Clock, Log: c.log, SignedOut: c.profiles.SignedOut}
	if cfg.Bounded != nil {
		c.growth.Left = cfg.Bounded.RecordSpace
	}
	c.reading, c.node = reading.New(), cfg.Journal.Nodes().Self().ID
	c.marks = readmarks.New(cfg.Journal.Records())
	c.lists = list.Reader{Journal: c.journal, Marks: c.marks, Profiles: c.profiles.Of, Policies: c.policies, Banned: c.Banned, Heads: list.Heads{
		Largest: func() int { return c.settings().MaxMessage }, Take: c.reading.Take,
		Owe: func(by access.Person, n int) { c.reading.Owe(c.settings().ReadBytes, c.Now(), by, n) },
	}}
	c.live = list.NewLive(list.Config{
		Reader: &c.lists, Log: c.log, Context: c.context, Frame: room.Frame, Max: func() int { return c.settings().Listed },
	})
	c.sent, c.seen = readmarks.NewSending(c.moveToSent), readmarks.NewSending(c.tellSeen)
	ctx, cancel := c.Bound(c.context)
	defer cancel()
	var err error
	if c.patterns, err = members.LoadPatterns(ctx, cfg.Journal.Records()); err != nil {
		return c, fmt.Errorf("read the patterns of conversations: %w", err)
	}
	c.Configure(cfg.Settings)
	if err := c.patterns.Keep(ctx); err != nil { // a conversation cannot be founded, but others still work
		c.log.Warn("the patterns of conversations cannot be noted in the journal", zap.Error(err))
	}
	c.sanctions, err = sanctions.Watch(ctx, cfg.Journal.Records(), c.sanctionElsewhere, func(err error) {
		c.log.Error("a mute or a ban of another node makes no sense", zap.Error(err))
	})
	sweeping, end := context.WithCancel(c.context)
	c.endSweep = end
	if c.sweeper = tags.NewSweeper(c.journal, cfg.Lister, c.log); err == nil {
		c.sweeper.Also = []func(context.Context) error{c.lists.Sweep, (&profiles.Guests{Profiles: c.profiles}).Sweep}
		c.again.Go(func() { c.sweeper.Run(sweeping) })
	}
	return c, err
}

// Close ends what the Core does by itself: it follows no sanctions any more, and waits
// until acts that are judged again are over and the read marks of what was sent have moved.
func (c *Core) Close() {
	c.endSweep()
	c.again.Wait()
	c.live.End()
	c.sent.Close()
	c.seen.Close()
	c.comings.Close()
	c.sanctions.Close(c.context)
}

// Operator returns an operator of the hub.
func (c *Core) Operator() Turn { return Turn{&Actor{core: c, kind: operator}} }

// Sanctions calls each for every mute and ban in force and its end, ordered by kind,
// room and user. No lock is held.
func (c *Core) Sanctions(each func(k access.Sanction, end time.Time)) { c.sanctions.InForce(each) }

// InHand returns how many bytes the journal has not answered, and of how many people.
func (c *Core) InHand() (bytes int64, people int) { return c.inHand.Total() }
