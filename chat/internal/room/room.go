package room

import (
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/backpressure"
	"github.com/caddychat/caddy-chat/chat/internal/mailbox"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// backlogLimit bounds the bytes of entries that the journal has delivered to a
// room and that the room has not passed on yet. While there are more, those who
// say something in the room wait, and with them the reading of their sockets.
const backlogLimit = 1 << 20

// Room is who hears what. It exists while it has references.
//
// It has 256 bytes at most. With more, a room would lie between memory that
// handshakes leave behind, which then cannot be given back: that costs 0.1 KiB
// for each idle connection in rooms of ten.
type Room struct {
	// Fixed.
	rooms *shared
	name  string
	box   mailbox.Mailbox[event]

	follow     sync.Once // guards the next two: when the room begins to follow the journal
	stopFollow func()
	followErr  error

	refs int // guarded by shared.mu: subscriptions, those about to be, and KeepOpen

	// Owned by the worker.
	audience audience
	fan      *fanOut // of the batch under way; nil between batches

	backlog backpressure.Sum // bytes of entries in box
}

// shared is what the rooms of a hub share.
type shared struct {
	environment
	workers sync.WaitGroup // the rooms, and their workers

	mu    sync.Mutex       // guards the rest, and Room.refs
	rooms map[string]*Room // by name
}

// event is an entry, or something that the worker does between two entries.
type event struct {
	entry journal.Entry
	do    func()
}

// Name returns the room's name.
func (r *Room) Name() string { return r.name }

// open lets the room follow the journal, once.
func (r *Room) open() error {
	r.follow.Do(func() {
		r.stopFollow, r.followErr = r.rooms.journal.Follow(r.name, r.deliver)
	})
	return r.followErr
}

// release gives back one reference. With the last one the room ends.
func (r *Room) release() {
	s := r.rooms
	s.mu.Lock()
	r.refs--
	last := r.refs == 0
	if last {
		delete(s.rooms, r.name)
	}
	s.mu.Unlock()
	if !last {
		return
	}
	if r.stopFollow != nil {
		r.stopFollow()
	}
	s.workers.Done()
}

// deliver is called by the journal only, so that all receivers hear one order.
func (r *Room) deliver(e journal.Entry) {
	r.backlog.Add(e.Size())
	r.put(event{entry: e})
}

// do lets the worker call f between two entries.
func (r *Room) do(f func()) { r.put(event{do: f}) }

func (r *Room) put(e event) {
	if r.box.Put(e) {
		r.rooms.workers.Go(r.work)
	}
}

// Append hands an entry of this room to the journal, which calls done. It waits
// while the room has more to pass on than backlogLimit.
func (r *Room) Append(e journal.Entry, done func(journal.Receipt, error)) {
	r.backlog.Wait(backlogLimit)
	e.Room = r.name // the caller's name may be a part of a long request
	if e.Kind.Audience() == journal.Everyone {
		r.rooms.counters.MessagesIn.Add(1)
		r.rooms.counters.BytesIn.Add(uint64(len(e.Body)))
	}
	r.rooms.journal.Append(e, done)
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
			letNetworkRun(time.Since(began))
		}
	}
}

// letNetworkRun pauses after a batch of several events that took so long. While a
// processor was busy with the batch, nobody has read what clients sent. Without a
// pause the first of their messages would be a batch of its own, and the others
// the next. The pause adds at most a sixth to the time between two batches. With
// ten who speak at once to a thousand, on two processors, a million deliveries
// take 0.45 CPU seconds with it and 0.70 without (2026-11-28). With one sender
// batches have one event and there is no pause.
func letNetworkRun(took time.Duration) {
	if pause := min(took/6, maxPause); pause >= minPause {
		time.Sleep(pause)
	}
}

const (
	minPause = 50 * time.Microsecond // timers are no finer
	maxPause = 2 * time.Millisecond
)

// handle passes a batch on. A panic ends the sessions in the room, which come
// back to a new room, and nothing else.
func (r *Room) handle(batch []event) {
	size := 0
	for i := range batch {
		if batch[i].do == nil {
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
		case ev.entry.Kind.Audience() == journal.SameUser:
			r.flush()
			r.tellUser(ev.entry.From.ID, ev.entry.Origin, appendText(nil, ev.entry.Body))
		case !r.fan.add(&ev.entry):
			r.flush()
			r.fan.add(&ev.entry)
		}
	}
	r.flush()
	return n
}

// The worker alone calls what follows.

func (r *Room) flush() { r.fan.flush(&r.rooms.environment, r.name, &r.audience) }

func (r *Room) tellUser(user, except string, frame []byte) {
	r.audience.tellUser(r.rooms.heldLimit(), user, except, frame)
}

// join adds a receiver, unless the session may not read the room any more.
func (r *Room) join(rc *receiver, visible bool) {
	if r.audience.add(rc, visible) {
		r.reportSoon()
	}
	r.review(rc)
}

// review ends the subscriptions of those who may no longer read the room. Raw
// clients have only one room: their sessions end.
func (r *Room) review(receivers ...*receiver) {
	r.audience.forbidden(r.name, receivers, func(rc *receiver, why *wire.Error) {
		if rc.user == nil {
			rc.closeSession(why.Code)
			return
		}
		r.leave(rc, Frame(&wire.Removed{Room: r.name, Why: why}), true)
	})
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
	if rc.user != nil {
		r.leavePresence(rc, asked)
	}
	// First the place in the room is free, then the client is told so.
	r.release()
	if rc.held != nil { // the answer to its join comes first
		rc.held = &heldFrames{last: last}
	} else if last != nil {
		rc.session.Deliver(last)
	}
}

func (r *Room) leavePresence(rc *receiver, asked bool) {
	p := &r.audience.presence
	switch delay := r.rooms.settings.Load().AwayDelay; {
	case len(r.audience.receivers) == 0:
		p.reset()
	case asked || delay <= 0:
		if p.depart(rc) {
			r.reportSoon()
		}
	default:
		if due := p.lose(rc, delay); due != 0 {
			p.schedule(due, r.tick)
		}
	}
}

func (r *Room) reportSoon() {
	r.audience.presence.schedule(time.Now().Add(collectTime(len(r.audience.receivers))).UnixNano(), r.tick)
}

// tick is called by the timer of presence. If the room has ended, it does
// nothing.
func (r *Room) tick() {
	r.rooms.mu.Lock()
	defer r.rooms.mu.Unlock()
	if r.refs > 0 { // so Rooms.Wait still waits for the workers
		r.do(r.reportPresence)
	}
}

// reportPresence tells everybody who came and who went.
func (r *Room) reportPresence() {
	p := &r.audience.presence
	came, went, due := p.report()
	if due != 0 {
		p.schedule(due, r.tick)
	}
	if len(came)+len(went) > 0 && !r.rooms.settings.Load().HidesPresence(r.name) {
		r.audience.tellPresence(r.rooms.heldLimit(), r.name, came, went)
	}
}
