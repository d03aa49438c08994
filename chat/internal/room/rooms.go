package room

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// ErrClosed is returned to those who come after Rooms.Close.
var ErrClosed = errors.New("hub is closed")

// Rooms are the rooms of a hub that somebody is in. Its methods may be called
// concurrently.
type Rooms struct {
	shared
	closed bool // guarded by mu
}

// Config is what Rooms are made of.
type Config struct {
	Settings Settings
	Journal  journal.Journal // whose methods do not panic
	Roll     Roll            // nil: there are no other nodes
	// OnPanic is told of a panic in a room. It must not panic.
	OnPanic func(value any, stack []byte)
	// OnLost is told that the journal has ended the following of a room. It must not
	// block.
	OnLost func(room string, l journal.Lost)
}

// NewRooms returns no rooms yet.
func NewRooms(cfg Config) *Rooms {
	rs := &Rooms{}
	rs.journal, rs.onPanic, rs.onLost = cfg.Journal, cfg.OnPanic, cfg.OnLost
	rs.node, rs.roll = cfg.Journal.Nodes().Self().ID, cfg.Roll
	if cfg.Roll == nil {
		rs.roll = noRoll{}
	}
	rs.rooms, rs.makers, rs.ending, rs.evicted = map[string]*Room{}, map[string]access.Person{}, map[string]int{}, map[string]*eviction{}
	rs.settings.Store(&cfg.Settings)
	rs.away.users, rs.away.most = backpressure.NewByHolder[*lostUser](), maxAway
	return rs
}

// Counters returns the counters, which go on counting.
func (rs *Rooms) Counters() *Counters { return &rs.counters }

// Configure changes the settings, and ends the subscriptions of those who may no
// longer read their rooms.
func (rs *Rooms) Configure(s Settings) {
	rs.settings.Store(&s)
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.rooms {
		r.do(func() { r.review(r.audience.receivers...) })
	}
}

// acquire returns the room of that name; it makes the room if there is none. The
// caller must release it. It waits for the journal until ctx ends.
//
// A room that is made counts for the address of whoever comes first, until it ends. A
// network may make a part of them, so that none takes them all: see backpressure.Limits.
func (rs *Rooms) acquire(ctx context.Context, name string, by access.Person) (*Room, error) {
	rs.mu.Lock()
	if rs.closed {
		rs.mu.Unlock()
		return nil, ErrClosed
	}
	if rs.evicted[name] != nil {
		rs.mu.Unlock()
		return nil, wire.Unavailable.Error("")
	}
	r := rs.rooms[name]
	if r == nil {
		if !rs.made.Take(rs.settings.Load().MaxRooms, by, 1) {
			rs.mu.Unlock()
			e := wire.Unavailable.Error("")
			e.Message = "too many rooms are open" + string(rs.made.Whose(by))
			return nil, e
		}
		r = &Room{rooms: &rs.shared, name: strings.Clone(name), opened: make(chan struct{})} // the name may be a part of a long request
		rs.rooms[r.name], rs.makers[r.name] = r, by
		rs.workers.Add(1) // until it ends, the journal may start its worker
		go r.open()
	}
	r.refs++
	rs.mu.Unlock()
	if err := r.awaitOpen(ctx); err != nil {
		r.release()
		return nil, fmt.Errorf("follow room: %w", err)
	}
	return r, nil
}

// Join subscribes a session to a room.
//
// arrival gets the answer of the room's worker: a session that may not read the room
// when its turn comes, or finds it full, is refused, and its subscription has ended.
func (rs *Rooms) Join(ctx context.Context, name string, s Session, t Terms) (sub *Subscription, arrival Arrival, err error) {
	r, err := rs.acquire(ctx, name, access.PersonAt(s.Addr()))
	if err != nil {
		return nil, nil, err
	}
	sub = &Subscription{receiver: receiver{session: s, encoding: t.Encoding, conversation: t.Conversation, role: t.Role}, room: r}
	return sub, sub.arrive(func() {
		sub.joined = r.heard // what comes after this is held for it
		r.join(&sub.receiver, t)
	}), nil
}

// KeepOpen keeps a room open without a subscription, until release is called. All who do
// so count as one address.
func (rs *Rooms) KeepOpen(ctx context.Context, name string) (r *Room, release func(), err error) {
	r, err = rs.acquire(ctx, name, access.Person{})
	if err != nil {
		return nil, nil, err
	}
	return r, r.release, nil
}

// Through lets act do something in a room that is kept open for it, and waits for what the
// journal answers, but not after ctx has ended: that may be done all the same then.
func (rs *Rooms) Through(ctx context.Context, name string, act func(*Room, func(journal.Receipt, error)) error) (journal.Receipt, error) {
	r, release, err := rs.KeepOpen(ctx, name)
	if err != nil {
		return journal.Receipt{}, err
	}
	defer release()
	type answer struct {
		receipt journal.Receipt
		err     error
	}
	answers := make(chan answer, 1)
	if err := act(r, func(receipt journal.Receipt, err error) { answers <- answer{receipt, err} }); err != nil {
		return journal.Receipt{}, err
	}
	select {
	case got := <-answers:
		return got.receipt, got.err
	case <-ctx.Done():
	}
	select {
	case got := <-answers: // both came at once
		return got.receipt, got.err
	default:
		return journal.Receipt{}, journal.ErrUncertain // it was handed in
	}
}

// Await waits while a room has more to pass on than it should, or until ctx ends.
func (rs *Rooms) Await(ctx context.Context, name string) error {
	rs.mu.Lock()
	r := rs.rooms[name]
	rs.mu.Unlock()
	if r == nil {
		return nil
	}
	return r.backlog.Wait(ctx, backlogLimit)
}

// Info tells of a room that somebody is in.
type Info struct {
	Name     string
	Sessions int // in it, or about to be
}

// List returns all rooms, ordered by name.
func (rs *Rooms) List() []Info {
	rs.mu.Lock()
	list := make([]Info, 0, len(rs.rooms))
	for name, r := range rs.rooms {
		if r.refs > 0 { // not those that only wait for the journal
			list = append(list, Info{name, int(r.refs)})
		}
	}
	rs.mu.Unlock()
	slices.SortFunc(list, func(a, b Info) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Len returns how many rooms there are.
func (rs *Rooms) Len() int {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return len(rs.rooms)
}

// Away returns how many users count as present although their connection was lost, each as
// often as in rooms.
func (rs *Rooms) Away() int { return rs.away.len() }

// Close lets nobody else in. Those who are in a room stay.
func (rs *Rooms) Close() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.closed = true
}

// Wait waits, after Close, until the last subscription has ended and every worker
// has returned.
func (rs *Rooms) Wait() { rs.workers.Wait() }

// ask lets the room's worker call f, and returns what f returns; or the zero value
// if there is no such room, if f panics, or if ctx ends first.
func ask[T any](ctx context.Context, rs *Rooms, name string, f func(*Room) T) (got T) {
	answer := make(chan T, 1)
	rs.mu.Lock()
	r := rs.rooms[name]
	if r != nil {
		r.do(func() {
			defer close(answer) // whatever happens, nobody waits for ever
			answer <- f(r)
		})
	}
	rs.mu.Unlock()
	if r == nil {
		return got
	}
	select {
	case got = <-answer:
	case <-ctx.Done():
	}
	return got
}

// SessionIDs returns the ids of the sessions in a room; none if ctx ends first.
func (rs *Rooms) SessionIDs(ctx context.Context, name string) map[string]bool {
	return ask(ctx, rs, name, func(r *Room) map[string]bool {
		ids := make(map[string]bool, len(r.audience.receivers))
		for _, rc := range r.audience.receivers {
			ids[rc.session.ID()] = true
		}
		return ids
	})
}

// Remove ends the subscriptions by which a user is present in a room, and returns
// how many there were. Their clients are told why. If ctx ends first it returns 0, and
// they are removed all the same.
func (rs *Rooms) Remove(ctx context.Context, name, user string, why *wire.Error) int {
	return ask(ctx, rs, name, func(r *Room) int {
		receivers := slices.Clone(r.audience.ofUser(user))
		for _, rc := range receivers {
			r.remove(rc, why)
		}
		return len(receivers)
	})
}

// TellUser delivers a frame to the sessions by which a user is present in a room.
// It does not wait for that.
func (rs *Rooms) TellUser(name, user string, frame []byte) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r := rs.rooms[name]; r != nil {
		r.do(func() { r.tellUser(user, "", frame) })
	}
}

// SetApart says whether those who are in a room are told of each other's presence: they
// are not while one of two has blocked the other. It does not wait for that.
func (rs *Rooms) SetApart(name string, apart bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r := rs.rooms[name]; r != nil {
		r.do(func() { r.setApart(apart) })
	}
}

// ShowFrom says that a user is shown the entries of a room from one on, at least: the user
// has cleared the others. It does not wait for that.
func (rs *Rooms) ShowFrom(name, user string, from journal.Seq) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r := rs.rooms[name]; r != nil {
		r.do(func() {
			for _, rc := range r.audience.ofUser(user) {
				rc.showFrom(from)
			}
		})
	}
}

// Check returns what is wrong in the list of rooms. It may be called at any time.
func (rs *Rooms) Check() error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var errs []error
	for name, r := range rs.rooms {
		opened := false
		select {
		case <-r.opened:
			opened = true
		default:
		}
		if r.name != name || r.refs < 0 || r.refs == 0 && opened {
			errs = append(errs, fmt.Errorf("room %q is listed as %q with %d references", r.name, name, r.refs))
		}
	}
	if held := rs.held.Load(); held < 0 || held > 0 && len(rs.rooms) == 0 {
		errs = append(errs, fmt.Errorf("%d bytes are held in %d rooms", held, len(rs.rooms)))
	}
	return errors.Join(errs...)
}
