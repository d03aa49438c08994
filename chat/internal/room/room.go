package room

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
	"github.com/caddychat/caddy-chat/chat/internal/mailbox"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// backlogLimit bounds the bytes of entries that the journal has delivered to a
// room and that the room has not passed on yet. While there are more, those who
// say something in the room wait, and with them the reading of their sockets.
const backlogLimit = 1 << 20

// Room is who hears what. It exists while it has references, and until the journal
// has said whether it lets the room follow.
//
// It has 256 bytes at most. With more, a room would lie between memory that
// handshakes leave behind, which then cannot be given back: that costs 0.1 KiB
// for each idle connection in rooms of ten.
type Room struct {
	// Fixed.
	rooms *shared
	name  string
	box   mailbox.Mailbox[event]

	opened     chan struct{} // closed once the next two are set: the room follows the journal, or cannot
	stopFollow func()
	followErr  error

	// Owned by the worker.
	audience audience
	fan      *fanOut     // of the batch under way; nil between batches
	heard    journal.Seq // the newest entry that the audience had its turn to hear

	refs int32 // guarded by shared.mu: subscriptions, those about to be, and KeepOpen

	state     atomic.Uint32 // unfounded, founding, hasEntries or lost
	recording recording

	backlog backpressure.Sum // bytes of entries in box
}

// shared is what the rooms of a hub share.
type shared struct {
	environment
	workers sync.WaitGroup // the rooms, and their workers

	mu      sync.Mutex               // guards the rest, and Room.refs
	rooms   map[string]*Room         // by name
	makers  map[string]access.Person // by room: for whom it counts in made
	ending  map[string]int           // by name: rooms that are not in the list any more, and may still follow the journal
	evicted map[string]*eviction     // by name

	made backpressure.Share // of the rooms; it has a mutex of its own
	away away
}

// ended says that a room has ended, and does not follow the journal any more.
func (s *shared) ended(r *Room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending[r.name]--; s.ending[r.name] == 0 {
		delete(s.ending, r.name)
	}
	if e := s.evicted[r.name]; e != nil {
		e.ended(1)
	}
}

// Name returns the room's name.
func (r *Room) Name() string { return r.name }

// open lets the room follow the journal. It has a goroutine of its own, because
// Follow takes no context: those who wait for a journal that hangs can give up.
func (r *Room) open() {
	defer r.setOpened() // also if the journal ends the goroutine
	r.followErr = errNoFollow
	start, err := r.rooms.journal.Follow(r.name, journal.Newest, r)
	r.stopFollow, r.followErr = start.Stop, err
	if err == nil {
		if known := r.rooms.roll.Opened(r.name); known != nil {
			<-known // who comes first finds those at other nodes
		}
	}
	if start.Last > 0 {
		r.state.CompareAndSwap(unfounded, hasEntries)
		r.do(func() { r.heard = max(r.heard, start.Last) }) // before anybody joins: they wait for opened
	}
}

var errNoFollow = errors.New("the journal's Follow did not return")

func (r *Room) setOpened() {
	s := r.rooms
	s.mu.Lock()
	close(r.opened)
	unused := r.closeLocked()
	s.mu.Unlock()
	if unused {
		r.end()
	}
}

// awaitOpen waits until the room follows the journal.
func (r *Room) awaitOpen(ctx context.Context) error {
	select {
	case <-r.opened:
		return r.followErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release gives back one reference. With the last one the room ends.
func (r *Room) release() {
	s := r.rooms
	s.mu.Lock()
	r.refs--
	last := r.closeLocked()
	s.mu.Unlock()
	if last {
		r.end()
	}
}

// closeLocked removes a room without references from the list. It reports whether the
// caller must end it. A room that is not open yet stays: otherwise each client that
// comes while the journal hangs would call Follow again.
func (r *Room) closeLocked() bool {
	select {
	case <-r.opened:
	default:
		return false
	}
	if r.refs > 0 {
		return false
	}
	r.unlistLocked()
	return true
}

// unlistLocked removes the room from the list, so that the next who come open a new
// one.
func (r *Room) unlistLocked() {
	if r.rooms.rooms[r.name] == r {
		r.rooms.made.GiveBack(r.rooms.makers[r.name], 1)
		delete(r.rooms.rooms, r.name)
		delete(r.rooms.makers, r.name)
		r.rooms.ending[r.name]++
	}
}

// end ends the following, in a goroutine of its own: neither the worker nor whoever has
// left the room waits for the journal.
func (r *Room) end() {
	go func() {
		defer r.rooms.workers.Done()
		if r.stopFollow != nil {
			r.stopFollow()
		}
		r.rooms.ended(r)
	}()
}

// Deliver implements journal.Follower. The journal alone calls it, so that all
// receivers hear one order.
func (r *Room) Deliver(e journal.Entry) {
	r.backlog.Add(e.Size())
	r.put(event{entry: &e})
	if e.Kind.Recorded() {
		r.state.Store(hasEntries)
	}
}

// Lost implements journal.Follower. It ends the sessions in the room, which come back: those
// who come from now on follow anew, and are told of a gap if there is one.
func (r *Room) Lost(l journal.Lost) {
	r.do(func() {
		r.rooms.onLost(r.name, l)
		r.lose()
	})
}

// lose ends the sessions, and who comes next opens a new room. The worker alone calls it.
func (r *Room) lose() {
	for _, u := range r.audience.presence.users { // before the next room of that name tells who is there
		if len(u.receivers) > 0 && r.state.Load() != lost {
			r.rooms.roll.Went(r.name, u.user.ID, false)
		}
	}
	r.state.Store(lost)
	r.rooms.mu.Lock()
	r.unlistLocked()
	r.rooms.mu.Unlock()
	for _, rc := range r.audience.receivers {
		rc.closeSession(wire.Unavailable)
	}
}

// Found reports whether the room has no entry yet and nobody is about to make the
// first one: then it is the caller's to make. Unfound takes that back.
func (r *Room) Found() bool { return r.state.CompareAndSwap(unfounded, founding) }

// Unfound says that whoever has called Found makes no entry.
func (r *Room) Unfound() { r.state.CompareAndSwap(founding, unfounded) }

const (
	unfounded = iota
	founding  // somebody is about to make the first entry
	hasEntries
	lost // nothing is delivered any more: see Lost
)

// do lets the worker call f between two entries.
func (r *Room) do(f func()) { r.put(event{do: f}) }

func (r *Room) put(e event) {
	if r.box.Put(e) {
		r.rooms.workers.Go(r.work)
	}
}

// Append hands an entry of this room to the journal, which calls done. It waits
// while the room has more to pass on than backlogLimit. If ctx ends first, done gets
// its error.
func (r *Room) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if err := r.backlog.Wait(ctx, backlogLimit); err != nil {
		done(journal.Receipt{}, err)
		return
	}
	e.Room = r.name // the caller's name may be a part of a long request
	if e.Kind.Audience() == journal.Everyone {
		r.rooms.counters.MessagesIn.Add(1)
		r.rooms.counters.BytesIn.Add(uint64(len(e.Body)))
	}
	r.rooms.journal.Append(ctx, e, r.recording.counted(done))
}

// work deals with the mailbox until it is empty.
func (r *Room) work() {
	var batch []event
	for {
		// Let all goroutines run that are about to hand in an entry: what they
		// say then shares the system calls of this batch. With one sender this
		// costs 0.1 µs for each batch.
		runtime.Gosched()
		batch = r.box.Take(batch)
		if len(batch) == 0 {
			return
		}
		began := time.Now()
		r.handle(batch)
		if len(batch) > 1 {
			r.recording.letNetworkRun(time.Since(began))
		}
	}
}

// handle passes a batch on. A panic ends the sessions in the room, which come
// back to a new room, and nothing else.
func (r *Room) handle(batch []event) {
	size := 0
	for i := range batch {
		if batch[i].entry != nil {
			size += batch[i].entry.Size()
		}
	}
	defer r.backlog.Add(-size)
	r.fan = fanOuts.Get().(*fanOut)
	defer func() {
		fanOuts.Put(r.fan)
		r.fan = nil
	}()
	for len(batch) > 0 {
		batch = batch[r.handleSome(batch):]
	}
}

// handleSome returns how many events it has dealt with: all, unless one of them
// panicked.
func (r *Room) handleSome(batch []event) (n int) {
	defer func() {
		if v := recover(); v != nil {
			r.rooms.onPanic(v, debug.Stack())
			r.fan = new(fanOut) // the other one is in an unknown state
			for _, rc := range r.audience.receivers {
				rc.closeSession(wire.Internal)
			}
		}
	}()
	for i := range batch {
		n = i + 1
		switch ev := &batch[i]; {
		case ev.do != nil:
			r.flush()
			ev.do()
		case ev.speaker != nil: // nothing before it is by that receiver: what came at once stays together
			r.audience.noteSpeaker(ev.speaker)
		case ev.entry.Kind.Audience() == journal.SameUser && journal.IsReserved(ev.entry.Room) && ev.entry.Origin.Session == "":
			// It is no frame: nodes tell each other of a row of the user's list.
		case ev.entry.Kind.Audience() == journal.SameUser:
			r.flush()
			r.tellUser(ev.entry.From.ID, r.ownSession(ev.entry.Origin), appendText(nil, ev.entry.Body))
		default:
			r.pass(ev.entry)
		}
	}
	r.flush()
	return n
}

// pass puts an entry into the batch. Who belongs to the room is changed by an entry when
// everybody has heard it.
func (r *Room) pass(e *journal.Entry) {
	if !r.fan.add(e) {
		r.flush()
		r.fan.add(e)
	}
	if e.Kind.Governs() {
		r.flush()
		r.audience.governed(r.name, e, r.remove)
	}
}

// The worker alone calls what follows.

func (r *Room) flush() {
	for _, e := range r.fan.entries {
		r.heard = max(r.heard, e.Seq) // 0 of what is not recorded
	}
	r.fan.flush(&r.rooms.environment, &r.audience)
}

// ownSession returns the id of the session that an entry came from, or nothing if it
// came from another node.
func (r *Room) ownSession(from journal.Origin) string {
	if from.Node != r.rooms.node {
		return ""
	}
	return from.Session
}

func (r *Room) tellUser(user, except string, frame []byte) {
	r.audience.tellUser(user, except, frame)
}

// join adds a receiver, unless the session may not read the room any more, or the room
// would have more members with it than it may have.
func (r *Room) join(rc *receiver, t Terms) {
	full, report := r.audience.fullFor(rc, t)
	if len(r.audience.receivers) == 0 {
		r.setApart(t.Apart) // the room has heard of nothing yet
	}
	rc.held, rc.alone = r.rooms.hold(), !t.Visible
	if r.audience.add(rc, t.Visible) || report {
		r.reportSoon()
	}
	if rc.user != nil && len(rc.user.receivers) == 1 && r.state.Load() != lost {
		r.rooms.roll.Came(r.name, rc.user.user)
	}
	var why *wire.Error
	switch {
	case r.state.Load() == lost:
		rc.closeSession(wire.Unavailable)
	case errors.As(rc.session.MayHear(r.name, rc.role, rc.conversation), &why):
	case full:
		why = wire.RoomFull.Error("")
	}
	if why != nil {
		rc.why = why
		r.leave(rc, nil, true)
	}
}

func (r *Room) setApart(apart bool) {
	if r.hidesPresence() {
		r.audience.presence.apart = apart
		return
	}
	r.audience.setApart(r.name, apart)
}

func (r *Room) hidesPresence() bool { return r.rooms.settings.Load().HidesPresence(r.name) }

// review ends the subscriptions of those who may no longer read the room.
func (r *Room) review(receivers ...*receiver) {
	r.audience.forbidden(r.name, receivers, r.remove)
}

// remove ends a subscription because somebody wants it. Raw clients have only one room:
// their sessions end.
func (r *Room) remove(rc *receiver, why *wire.Error) {
	if rc.user == nil {
		rc.closeSession(why.Code)
		return
	}
	rc.why = why
	r.leave(rc, Frame(&wire.Removed{Room: r.name, Why: why}), true)
}

// leave ends a subscription and gives its reference back; a later call delivers
// last and does nothing else. last, if any, is the last frame about this room that
// the client gets. asked says that somebody asked for it; otherwise the connection was lost,
// and the user may be back soon.
func (r *Room) leave(rc *receiver, last []byte, asked bool) {
	if rc.left.Swap(true) {
		if last != nil {
			rc.session.Deliver(last)
		}
		return
	}
	r.audience.remove(rc)
	r.leavePresence(rc, asked)
	if rc.held != nil { // the answer to its join comes first
		rc.letGo()
		rc.held = r.rooms.hold()
		rc.held.last, last = last, nil
	}
	// First the place in the room is free, then the client is told so.
	r.release()
	if last != nil {
		rc.session.Deliver(last)
	}
}

func (r *Room) leavePresence(rc *receiver, asked bool) {
	p, delay := &r.audience.presence, r.rooms.settings.Load().AwayDelay
	if rc.user != nil && len(rc.user.receivers) == 1 && r.state.Load() != lost {
		r.rooms.roll.Went(r.name, rc.user.user.ID, asked)
	}
	switch {
	case len(r.audience.receivers) == 0:
		p.reset()
	case rc.user == nil:
	case asked || delay <= 0:
		if p.depart(rc) {
			r.reportSoon()
		}
	case p.lose(rc):
		r.loseUser(rc.user, delay, access.PersonAt(rc.session.Addr()))
	}
}

// loseUser makes a user who is nowhere any more count as here for some time. by is for whom
// that counts.
func (r *Room) loseUser(u *presentUser, wait time.Duration, by access.Person) {
	p := &r.audience.presence
	if p.lost == nil {
		p.lost = &lostUsers{all: &r.rooms.away, giveWay: r.giveWay}
	}
	p.schedule(p.loseUser(u, wait, by), r.tick)
}

// giveWay lets a user who is lost count as gone, before the time. Any goroutine may call it.
func (r *Room) giveWay(l *lostUser) {
	r.doWhileOpen(func() {
		if l.isLost() && r.audience.presence.expire(l) {
			r.reportSoon()
		}
	})
}

func (r *Room) reportSoon() {
	r.audience.presence.schedule(time.Now().Add(collectTime(len(r.audience.receivers))).UnixNano(), r.tick)
}

// tick is called by the timer of presence.
func (r *Room) tick() { r.doWhileOpen(r.reportPresence) }

// doWhileOpen lets the worker call f, unless the room has ended. Any goroutine may call it.
func (r *Room) doWhileOpen(f func()) {
	r.rooms.mu.Lock()
	defer r.rooms.mu.Unlock()
	if r.refs > 0 { // so Rooms.Wait still waits for the workers
		r.do(f)
	}
}

// reportPresence tells everybody who came and who went.
func (r *Room) reportPresence() {
	p := &r.audience.presence
	came, went, due := p.report()
	if due != 0 {
		p.schedule(due, r.tick)
	}
	if len(came)+len(went) > 0 && !p.apart && !r.hidesPresence() {
		r.audience.tellPresence(r.name, came, went)
	}
}
