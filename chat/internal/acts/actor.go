package acts

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
	"github.com/caddychat/caddy-chat/chat/internal/credentials"
	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/internal/list"
	"github.com/caddychat/caddy-chat/chat/internal/refusals"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Actor is somebody who acts: the client of a connection or of one HTTP request, or the
// operator of the hub. It has all that the hub knows of them and counts for them; Leave
// gives that back. What they do begins with a Turn.
type Actor struct {
	// Fixed.
	core *Core
	id   string     // of the session; empty for a request
	addr netip.Addr // the client's
	kind actorKind
	part bool // what it does is a part of an act, which is told of as a whole; fixed

	slot    bool  // it has one; set before anything else happens
	strikes uint8 // how many more frames came too fast than others; owned by the goroutine that reads the connection

	over atomic.Bool // the session has ended, or its client was told that it will: see EndActs

	// identity is nil until the client has said who it is, and for raw clients
	// who have shown no credential.
	identity atomic.Pointer[access.Identity]

	key *access.Key // as a request has shown it; nil: none. Set with identity. What it may do now: scopes

	own  access.Limiter  // of the connection
	user *access.Limiter // shared: see holder; set with identity, before anything is charged to it; nil for As

	greeted *greeted // nil until hello, and for raw clients; owned by the goroutine that reads the connection

	unanswered backpressure.Sum   // bytes of entries that the journal has not answered
	share      *backpressure.Held // nil until something is said; set by the goroutine that says it
}

// greeted is what a client has asked for with hello.
type greeted struct {
	device  string       // its name, or empty; set before anything is said
	listing list.Session // that has the list open; nil: none
}

type actorKind uint8

const (
	client   actorKind = iota // it speaks chat.v1, or HTTP
	raw                       // it speaks the raw dialect
	operator                  // policies, sanctions and rates let it pass
)

// Leave gives back what the actor has. It must be called once, whatever happens, when
// nothing is charged any more.
func (a *Actor) Leave() {
	if a.slot {
		defer a.core.Slots.Release(a.addr)
	}
	if a.share != nil {
		a.share.Release()
	}
	if a.greeted != nil && a.greeted.listing != nil {
		a.core.live.Close(a.greeted.listing, a.User().ID)
	}
	if a.user != nil {
		a.core.limiters.GiveBack(a.holder(a.User()))
	}
}

// EndActs says that the session of the actor is over: it does nothing any more, whatever its
// client has asked for before. Any goroutine may call it.
func (a *Actor) EndActs() { a.over.Store(true) }

// HasEnded reports whether EndActs was called.
func (a *Actor) HasEnded() bool { return a.over.Load() }

// errOver is why nothing is done for a session that is over. Nobody is told.
var errOver = fmt.Errorf("the session is over: %w", context.Canceled)

// unansweredLimit bounds the bytes of what one client has said and the journal has
// not answered. While there are more, the client is not read.
const unansweredLimit = 256 << 10

// User is who acts. A client that has shown no credential is a guest with the id
// of its session; an operator is nobody.
func (a *Actor) User() journal.User {
	if id := a.identity.Load(); id != nil {
		return id.User
	}
	return journal.User{ID: a.id, Guest: a.kind != operator}
}

// ID is that of the session.
func (a *Actor) ID() string { return a.id }

// Addr is the client's address.
func (a *Actor) Addr() netip.Addr { return a.addr }

// IsRaw reports whether the client speaks the raw dialect.
func (a *Actor) IsRaw() bool { return a.kind == raw }

// Expires returns when the credential ends; zero: never.
func (a *Actor) Expires() time.Time {
	if id := a.identity.Load(); id != nil {
		return id.Expires
	}
	return time.Time{}
}

// Soon is Core.Soon.
func (a *Actor) Soon() context.Context { return a.core.Soon() }

// Lasting returns a context that ends with the hub: for what has bounds of its own.
func (a *Actor) Lasting() context.Context { return a.core.context }

// rights returns what the actor may do in a room where it has that role, or in the hub
// if the name is empty.
func (a *Actor) rights(room string, role access.Role) access.Rights {
	policies := a.core.settings().Policies
	switch {
	case a.key != nil:
		return policies.ForKey(a.scopes(), room)
	case a.kind != operator:
		return policies.For(a.identity.Load(), room, role)
	}
	return policies.ForOperator(room)
}

// noScopes are those of a key that the site has no more.
var noScopes access.Key

// scopes is the actor's key as the site has it now: a reload may have changed it, or have taken
// it away, while the request was under way.
func (a *Actor) scopes() *access.Key {
	now := a.core.settings().Keys.Named(a.key.Name)
	if now == nil || !now.MayComeFrom(a.addr) || !slices.ContainsFunc(a.key.Secrets, func(s access.Secret) bool { return slices.Contains(now.Secrets, s) }) {
		return &noScopes
	}
	return now
}

// isAboveRoles reports whether no role in a conversation binds the actor.
func (a *Actor) isAboveRoles() bool { return a.kind == operator || a.key != nil }

// governs reports whether the actor may change a conversation whatever its role is.
func (a *Actor) governs(room string) bool {
	return a.kind == operator || a.key != nil && a.scopes().Governs(room)
}

// via is the name of the key that acts as somebody else, or empty.
func (a *Actor) via() string {
	if a.key != nil && a.User().ID != a.key.Bot().ID {
		return a.key.Name
	}
	return ""
}

// hasMarks returns why the actor has no list and no read marks, or nil: a key has those of
// the user in whose name it acts.
func (a *Actor) hasMarks() error {
	if a.key == nil || a.via() != "" {
		return nil
	}
	e := wire.Forbidden.Error("")
	e.Field, e.Message = "as", "as is missing: a key has no list and no read marks of its own"
	return e
}

// holder is whose limiter the actor has as this user. The requests of all guests of an address
// share one: they take no connection, of which an address has only so many.
func (a *Actor) holder(user journal.User) access.Person {
	if a.id == "" {
		return a.personOf(user)
	}
	return access.Person{User: user.ID}
}

// MayModerate reports whether the actor moderates a room that has no members, or the hub
// if the name is empty.
func (a *Actor) MayModerate(room string) bool { return a.rights(room, access.NoRole).Moderate }

// MayHear returns why the actor may not hear a room where it has that role, and which was a
// conversation when it came in, or nil. It waits for nothing.
func (a *Actor) MayHear(room string, role access.Role, conversation bool) error {
	rights := a.rights(room, role)
	if conversation && !rights.Conversation {
		rights = access.Granted(a.identity.Load(), room)
	}
	return a.mayRead(room, rights)
}

// mayRead returns why the actor may not read a room with these rights, or nil.
func (a *Actor) mayRead(room string, rights access.Rights) error {
	if a.kind == raw && !rights.Raw {
		return wire.Forbidden.Error("")
	}
	if err := a.mayBeIn(room); err != nil {
		return err
	}
	if !rights.Read {
		return wire.Forbidden.Error("")
	}
	return nil
}

// mayBeIn returns why the actor may do nothing in a room, or in the hub without a name, or
// nil: the session is over, the key is revoked, the user is banned, the credential has ended.
// It waits for nothing, and is asked again after whatever has waited: see append.
func (a *Actor) mayBeIn(room string) error {
	id := a.identity.Load()
	switch {
	case a.over.Load():
		return errOver
	case a.key != nil && a.scopes() == &noScopes:
		return wire.Forbidden.Error("")
	case id == nil || a.key != nil:
		return nil
	}
	if err := a.core.sanctions.Check(access.Ban, id.User.ID, room); err != nil {
		return err
	}
	return credentials.NotEnded(id)
}

// notMuted returns an error with code muted, or nil.
func (a *Actor) notMuted(room string) error {
	if id := a.identity.Load(); id != nil && a.key == nil {
		return a.core.sanctions.Check(access.Mute, id.User.ID, room)
	}
	return nil
}

// reserve counts what the actor does, such as the first entry of a room, or returns how long
// the actor must wait with it. Guests count by their address: there may be any number of them.
func (a *Actor) reserve(rate access.Rate, limits *access.KeyLimiter[access.Person]) (wait time.Duration) {
	if a.kind == operator || a.key != nil { // whose requests have a rate
		return 0
	}
	if wait = limits.Reserve(rate, a.core.Now(), a.person()); wait > 0 {
		a.core.Counts.TooFast.Add(1)
	}
	return wait
}

// Appender is a room to which entries are appended.
type Appender interface {
	Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error))
	// Found and Unfound are those of room.Room.
	Found() bool
	Unfound()
}

func (a *Actor) person() access.Person { return a.personOf(a.User()) }

// personOf is person for the user whom the actor is about to become.
func (a *Actor) personOf(user journal.User) access.Person {
	switch {
	case a.key != nil: // also where it acts as somebody
		return access.Person{User: a.key.Bot().ID}
	case !user.Guest:
		return access.Person{User: user.ID}
	}
	return access.PersonAt(a.addr)
}

// takeInHand counts n bytes of what the actor says, until they are put back. An error says
// that too much waits for the journal already. An operator does not count.
func (a *Actor) takeInHand(n int) error {
	if a.kind == operator {
		return nil
	}
	c := a.core
	if a.share == nil {
		a.share = c.inHand.Of(a.person())
	}
	if a.share.Take(n, int64(c.settings().MaxInHand)) {
		return nil
	}
	if c.saidFull.Allow(c.Now(), time.Minute) {
		waits, _ := c.inHand.Total()
		c.log.Warn("too much waits for the journal: those who have said most are refused", zap.Int64("bytes", waits))
	}
	return wire.Unavailable.Error("")
}

// Hold takes n bytes of what waits before it is said, until release is called. An error says
// that too much waits already. Calls of it and of acts must not overlap.
func (a *Actor) Hold(n int) (release func(), err error) {
	if err := a.takeInHand(n); err != nil {
		return nil, err
	}
	return func() { a.putInHand(n) }, nil
}

func (a *Actor) putInHand(n int) {
	if a.share != nil {
		a.share.Put(n)
	}
}

// append hands an entry of the actor to the journal. It waits while the client has said more
// than unansweredLimit without an answer, or until ctx ends. Whatever an act has waited for, a
// ban, a mute or an end that has come meanwhile holds: that is asked last. An error that done
// gets is logged, and is what the client is told; but for ErrNoTarget, and ErrStale: judge again.
func (a *Actor) append(ctx context.Context, to Appender, room string, e journal.Entry, done func(journal.Receipt, error)) {
	e.Origin, e.From, e.Via = journal.Origin{Node: a.core.node, Session: a.id}, a.User(), a.via()
	size := e.Size()
	if err := a.takeInHand(size); err != nil {
		done(journal.Receipt{}, err)
		return
	}
	if err := a.unanswered.Wait(ctx, unansweredLimit); err != nil {
		a.putInHand(size)
		done(journal.Receipt{}, a.core.NotAppended(err))
		return
	}
	err := a.mayBeIn(room)
	if err == nil && !e.Kind.Governs() { // of what governs, some may be done by who is muted
		err = a.notMuted(room)
	}
	if err == nil && a.kind != operator && !a.core.growth.Fits(ctx, a.core.journal.Records(), a.person(), e.With, a.core.Now()) {
		err = refusals.Full()
	}
	if err != nil {
		a.putInHand(size)
		done(journal.Receipt{}, err)
		return
	}
	a.unanswered.Add(size)
	a.core.sweeper.Recorded(room, e.Kind == journal.Tag)
	var answered atomic.Bool // a journal that panics may have answered before
	to.Append(ctx, e, func(receipt journal.Receipt, err error) {
		if answered.Swap(true) {
			return
		}
		a.unanswered.Add(-size)
		a.putInHand(size)
		if err != nil && !errors.Is(err, journal.ErrStale) && !errors.Is(err, journal.ErrNoTarget) {
			receipt, err = journal.Receipt{}, a.core.NotAppended(err)
		}
		done(receipt, err)
	})
}

// audit tells backends who has done what: the operator, a user, or a key.
func (a *Actor) audit(e events.Event) {
	e.Type, e.By, e.Via = events.Audit, a.User().ID, a.via()
	if a.kind == operator {
		e.By = events.ByOperator
	}
	if !a.part {
		a.core.events.Write(e)
	}
}
