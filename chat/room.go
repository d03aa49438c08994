package chat

import (
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// backlogLimit bounds what a room has been handed by the journal and has not
// passed on yet, in bytes. While it is exceeded, those who want to speak in the
// room wait, and with them the reading of their sockets.
const backlogLimit = 1 << 20

// room is who hears what. It exists while somebody listens.
//
// Its mailbox holds the journal's entries and what is to be done to its
// membership in one order; a worker, which exists only while there is something
// to do, deals with them one after the other. Because members belong to the
// worker, no lock is held while it writes to them, and because joins stand in
// line with the entries, each member hears every entry from a known point on.
//
// It has 256 bytes at most. With some more it would come to lie between what
// handshakes leave behind, whose memory could then not be given back: 0.1 KiB for
// each idle connection in rooms of ten.
type room struct {
	// Fixed.
	hub  *Hub
	name string
	box  mailboxOf[event]

	follow sync.Once // of the journal; guards the next two
	stop   func()
	err    error

	refs int // guarded by hub.mu: members, and those about to be

	// Owned by the worker.
	members []*member
	fan     *fanOut // of the batch under way, else nil
	present attendance

	backlog gate // bytes of entries in box
}

// event is an entry of the journal's, or something for the worker to do between
// two entries.
type event struct {
	entry Entry
	do    func()
}

// member is one session's place in a room. It begins with join, then is held
// back and released, any number of times, until leave. What is not said to be
// others' is owned by the room's worker.
type member struct {
	session  *Session // fixed
	room     *room    // fixed
	attendee *attendee
	held     *heldBack // what it will hear later, else nil
	after    Seq       // the newest entry it has read from the journal, until that has passed
	own      []int     // which entries of the batch under way it must not hear
	typed    int64     // when the client last said that it is typing, in Unix milliseconds; its reader's
	place    int32     // in room.members
	dialect  dialect   // fixed
	deaf     bool      // it hears nothing, since it still has pages to read
	gone     atomic.Bool
}

// heldBack is what a member must hear later: it is on its way in, or reads the
// journal.
type heldBack struct {
	frames []heldFrame
	size   int
	over   bool      // more came than an outbox holds
	ended  wire.Code // its session must end, for this reason; else 0
	deaf   bool      // the member was deaf before
	last   []byte    // the member was removed meanwhile and is told so
}

type heldFrame struct {
	seq   Seq // 0 for transient entries
	frame []byte
}

func newRoom(h *Hub, name string) *room {
	r := &room{hub: h, name: strings.Clone(name)} // which may be a part of a long request
	r.present.room = r
	return r
}

// open has the room follow the journal, once.
func (r *room) open() error {
	r.follow.Do(func() {
		r.stop, r.err = r.hub.journal.Follow(r.name, r.deliver)
	})
	return r.err
}

// deliver is called by the journal only, so all members see one order.
func (r *room) deliver(e Entry) {
	r.backlog.add(e.Size())
	r.put(event{entry: e})
}

// do has the worker call f between two entries.
func (r *room) do(f func()) { r.put(event{do: f}) }

func (r *room) put(e event) {
	if r.box.Put(e) {
		r.hub.workers.Go(r.work)
	}
}

// post hands an entry to the journal. It waits while the room has more to pass
// on than it should.
func (r *room) post(e Entry, done func(Receipt, error)) {
	r.backlog.pass(backlogLimit)
	if e.Kind != Signal && e.Kind != Aside {
		r.hub.counts.messagesIn.Add(1)
		r.hub.counts.bytesIn.Add(uint64(len(e.Body)))
	}
	r.hub.journal.Append(e, done)
}

// work deals with the mailbox until it is empty.
func (r *room) work() {
	var batch []event
	for {
		// Let everyone who is about to speak do so: what they say shares the
		// system calls of this batch. With one sender it costs 0.1 µs a batch.
		runtime.Gosched()
		batch = r.box.Take(batch)
		if len(batch) == 0 {
			return
		}
		began := time.Now()
		r.handle(batch)
		if len(batch) > 1 {
			listen(time.Since(began))
		}
	}
}

// listen lets the network be looked at behind a batch of several events that
// took so long. While a processor was busy with it, nobody has read what the
// members said; without a pause the first of them would have a batch to itself,
// and the others the next. It adds a sixth to the time between two batches at
// most, and with ten who speak at once to a thousand it halves both what a
// delivery costs and how long it takes.
func listen(took time.Duration) {
	if pause := min(took/6, maxPauseToListen); pause >= minPauseToListen {
		time.Sleep(pause)
	}
}

const (
	minPauseToListen = 50 * time.Microsecond // timers are no finer
	maxPauseToListen = 2 * time.Millisecond
)

// handle passes a batch on. A panic ends the sessions of the room's members, who
// come back to a new room, and nothing else.
func (r *room) handle(batch []event) {
	done := 0
	for i := range batch {
		if batch[i].do == nil {
			done += batch[i].entry.Size()
		}
	}
	defer r.backlog.add(-done)
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
func (r *room) handleSome(batch []event) (n int) {
	defer func() {
		if v := recover(); v != nil {
			r.hub.panicked(v, debug.Stack())
			r.fan = new(fanOut) // the other one is in an unknown state
			for _, m := range r.members {
				m.endSession(wire.Internal)
			}
		}
	}()
	for i := range batch {
		n = i + 1
		switch ev := &batch[i]; {
		case ev.do != nil:
			r.fan.flush(r)
			ev.do()
		case ev.entry.Kind == Aside:
			r.fan.flush(r)
			r.aside(&ev.entry)
		case !r.fan.add(&ev.entry):
			r.fan.flush(r)
			r.fan.add(&ev.entry)
		}
	}
	r.fan.flush(r)
	return n
}

// The rest is done by the worker.

// join lets m belong from the next entry on; what it hears is held back.
func (r *room) join(m *member) {
	m.held = &heldBack{}
	m.place = int32(len(r.members))
	r.members = append(r.members, m)
	if user, ok := m.session.attends(); ok {
		r.present.arrive(user, m)
	}
}

// hold holds back what m hears, anew.
func (r *room) hold(m *member) {
	if !m.gone.Load() {
		m.held, m.deaf = &heldBack{deaf: m.deaf}, false
	}
}

// release gives m what it missed while it was reading the journal up to after,
// and nothing twice.
func (r *room) release(m *member, after Seq) {
	held := m.held
	m.held = nil
	switch {
	case held == nil: // it has left
	case m.gone.Load():
		if held.last != nil {
			m.session.deliver(held.last)
		}
	case held.ended != 0:
		m.session.close(held.ended.Bye())
	case held.over:
		m.session.cutOff()
	default:
		m.catchUp(held, after)
	}
}

// deafen is release for a member that has more pages to read: it hears nothing
// until it asks again.
func (r *room) deafen(m *member) {
	if m.held != nil && m.held.ended == 0 && !m.gone.Load() {
		m.held, m.deaf = nil, true
		return
	}
	r.release(m, 0)
}

// unhold is release for a member that could not read the journal after all.
func (r *room) unhold(m *member) {
	if m.held != nil && m.held.deaf {
		r.deafen(m)
		return
	}
	r.release(m, m.after)
}

func (m *member) catchUp(held *heldBack, after Seq) {
	var frames []byte
	m.after = after
	for _, h := range held.frames {
		if h.seq == 0 || h.seq > after {
			frames = append(frames, h.frame...)
		}
		if h.seq >= after {
			m.after = 0
		}
	}
	if len(frames) > 0 {
		m.session.deliver(frames)
	}
}

// leave ends m's membership, once, and gives its room back. last, if any, is the
// last that its client hears of the room. willing says that the client asked for
// it: a lost one may be back soon.
func (r *room) leave(m *member, last []byte, willing bool) {
	if m.gone.Swap(true) {
		return
	}
	end := len(r.members) - 1
	r.members[m.place] = r.members[end]
	r.members[m.place].place = m.place
	r.members[end] = nil
	r.members = r.members[:end]
	if m.attendee != nil {
		r.present.depart(m, willing)
	}
	// Its place is free before it is told so.
	r.hub.release(r)
	if m.held != nil { // the answer to its join comes first
		m.held = &heldBack{last: last}
	} else if last != nil {
		m.session.deliver(last)
	}
}

// endSession ends the session of a member. One on its way in may have no
// connection yet, and is told when released.
func (m *member) endSession(why wire.Code) {
	if m.held != nil {
		m.held.ended = why
		return
	}
	m.session.close(why.Bye())
}

// aside tells the other sessions of e's user what e says.
func (r *room) aside(e *Entry) {
	a := r.present.users[e.From.ID]
	if a == nil {
		return
	}
	frame := appendText(nil, e.Body)
	for _, m := range a.members {
		if m.session.id != e.Origin {
			r.tell(m, frame)
		}
	}
}

// tell delivers a frame that is not an entry, or holds it back.
func (r *room) tell(m *member, frame []byte) {
	switch {
	case m.held != nil:
		m.held.add(r.hub, 0, frame)
	case !m.deaf:
		m.session.deliver(frame)
	}
}

func (b *heldBack) add(h *Hub, seq Seq, frame []byte) {
	if b.over {
		return
	}
	b.frames = append(b.frames, heldFrame{seq, frame})
	if b.size += len(frame); b.size > h.settings().OutboxLimit {
		b.frames, b.over = nil, true
	}
}
