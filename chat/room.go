package chat

import (
	"runtime"
	"sync"
)

// backlogLimit bounds what a room has been handed by the journal and has not
// passed on yet, in bytes. While it is exceeded, those who want to speak in the
// room wait, and with them the reading of their sockets.
const backlogLimit = 1 << 20

// room is who hears what. It exists while somebody listens.
//
// Its mailbox holds the journal's entries and its members' comings and goings
// in one order; a worker, which exists only while there is something to do,
// deals with them one after the other. Because members belong to the worker, no
// lock is held while it writes to them, and because joins stand in line with the
// entries, each member hears every entry from a known point on.
type room struct {
	// Fixed.
	hub  *Hub
	name string
	box  mailbox[event]

	follow sync.Once // of the journal; guards the next two
	stop   func()
	err    error

	refs int // guarded by hub.mu: members, and those about to be

	// Owned by the worker.
	members []*member
	fan     fanOut

	mu      sync.Mutex // guards the rest
	backlog int        // bytes of entries in box
	calm    sync.Cond  // backlog has gone below the limit
}

// event is an entry, or a change of membership.
type event struct {
	entry Entry

	member *member
	change change
	after  Seq // with release
}

type change uint8

const (
	none    change = iota
	join           // from the next entry on, member belongs; what it hears is held back
	release        // what was held back and is numbered above after, then the room
	leave
)

// member is one session's place in a room. Everything but the fixed fields is
// owned by the room's worker.
type member struct {
	session  *Session // fixed
	dialect  dialect  // fixed
	room     *room    // fixed
	place    int      // in room.members
	holding  bool     // from join to release
	held     []heldFrame
	heldSize int
	overheld bool  // more was held back than an outbox holds
	after    Seq   // the newest entry it has read from the journal, until that has passed
	own      []int // which entries of the batch under way it sent itself
}

type heldFrame struct {
	seq   Seq // 0 for transient entries
	frame []byte
}

func newRoom(h *Hub, name string) *room {
	r := &room{hub: h, name: name}
	r.calm.L = &r.mu
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
	r.mu.Lock()
	r.backlog += e.cost()
	r.mu.Unlock()
	r.put(event{entry: e})
}

func (r *room) change(c change, m *member, after Seq) {
	r.put(event{change: c, member: m, after: after})
}

func (r *room) put(e event) {
	if r.box.put(e) {
		r.hub.workers.Go(r.work)
	}
}

// post hands an entry to the journal. It waits while the room has more to pass
// on than it should.
func (r *room) post(e Entry, done func(Receipt, error)) {
	r.mu.Lock()
	for r.backlog > backlogLimit {
		r.calm.Wait()
	}
	r.mu.Unlock()
	r.hub.counts.messagesIn.Add(1)
	r.hub.counts.bytesIn.Add(uint64(len(e.Body)))
	r.hub.journal.Append(e, done)
}

// work deals with the mailbox until it is empty.
func (r *room) work() {
	var batch []event
	for {
		// Let everyone who is about to speak do so: what they say shares the
		// system calls of this batch. With one sender it costs 0.1 µs a batch.
		runtime.Gosched()
		batch = r.box.take(batch)
		if len(batch) == 0 {
			return
		}
		r.handle(batch)
	}
}

func (r *room) handle(batch []event) {
	done := 0
	for i := range batch {
		ev := &batch[i]
		if ev.change == none {
			done += ev.entry.cost()
			if r.fan.add(&ev.entry) {
				continue
			}
			r.fan.flush(r)
			r.fan.add(&ev.entry)
			continue
		}
		r.fan.flush(r)
		r.apply(ev)
	}
	r.fan.flush(r)
	if done == 0 {
		return
	}
	r.mu.Lock()
	r.backlog -= done
	r.mu.Unlock()
	r.calm.Broadcast()
}

func (r *room) apply(ev *event) {
	m := ev.member
	switch ev.change {
	case join:
		m.holding = true
		m.place = len(r.members)
		r.members = append(r.members, m)
	case release:
		r.releaseHeld(m, ev.after)
	case leave:
		r.remove(m)
	}
}

func (r *room) remove(m *member) {
	last := len(r.members) - 1
	r.members[m.place] = r.members[last]
	r.members[m.place].place = m.place
	r.members[last] = nil
	r.members = r.members[:last]
	m.held = nil
}

// releaseHeld gives a member what it missed while it was reading the journal up
// to after, and nothing twice.
func (r *room) releaseHeld(m *member, after Seq) {
	if m.overheld {
		m.session.cutOff()
		return
	}
	var frames []byte
	m.after = after
	for _, h := range m.held {
		if h.seq == 0 || h.seq > after {
			frames = append(frames, h.frame...)
		}
		if h.seq >= after {
			m.after = 0
		}
	}
	m.holding, m.held, m.heldSize = false, nil, 0
	if len(frames) > 0 {
		m.session.deliver(frames)
	}
}
