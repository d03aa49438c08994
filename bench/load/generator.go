//go:build linux

package load

import (
	"bytes"
	"context"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
)

// shape says who is in a crowd.
type shape struct {
	rooms     int
	senders   int // in each room
	receivers int // in each room, besides the senders
	stallers  int // of the receivers of the first room, those who will stop reading
	// bystanders are in rooms of their own, ten in each, where nobody speaks.
	bystanders int
	// history is how many messages of each sender are kept for comparison. It
	// must be at least what can be in flight.
	history int
	payload int
}

// crowd is all clients of one run. It belongs to the goroutine that runs it.
type crowd struct {
	opts    Options
	echo    bool
	words   words
	server  processes
	dialer  *dialer
	loop    *loop
	run     uint32 // tells this run's messages from all others
	payload int
	frame   []byte // the one being built

	rooms    []*room
	clients  []*client
	senders  []*sender
	stallers []*client

	tally
	awaited int       // messages that somebody has not heard yet
	ready   []*sender // whose message has been heard by all since the last step
	joining bool      // who is not in the room yet misses nothing
}

// tally is what is counted while messages arrive.
type tally struct {
	faults     Faults
	messages   uint64
	deliveries uint64
	lastHeard  int64
	latency    histogram
	since      int64 // messages sent before are not in latency
	notes      []string
}

func newCrowd(t Target, opts Options, s shape) (*crowd, error) {
	d, err := newDialer(t.URL, t.Dialect)
	if err != nil {
		return nil, err
	}
	w := &crowd{
		opts: opts, echo: t.Echo, words: t.Dialect.words(), server: t.PIDs, dialer: d,
		run: rand.Uint32(), payload: max(s.payload, MinPayload),
	}
	if w.loop, err = newLoop(w); err != nil {
		return nil, err
	}
	ring := 1 << bits.Len(uint(max(s.history, 16)-1))
	for i := range s.rooms {
		r := w.addRoom("r" + strconv.Itoa(i))
		for range s.senders {
			w.addSender(r, ring)
		}
		for range s.receivers {
			w.addClient(r)
		}
	}
	w.stallers = slices.Clone(w.clients[len(w.clients)-s.stallers:])
	for i := range s.bystanders {
		if i%10 == 0 {
			w.addRoom("quiet" + strconv.Itoa(i/10))
		}
		w.addClient(w.rooms[len(w.rooms)-1])
	}
	return w, nil
}

func (w *crowd) addRoom(name string) *room {
	r := &room{name: name}
	w.rooms = append(w.rooms, r)
	return r
}

func (w *crowd) addClient(r *room) *client {
	c := &client{id: len(w.clients), room: r, next: make([]uint32, len(r.senders)), excused: true}
	w.clients = append(w.clients, c)
	r.clients = append(r.clients, c)
	return c
}

func (w *crowd) addSender(r *room, ring int) {
	s := &sender{place: len(r.senders), number: uint32(len(w.senders)), ring: make([]slot, ring)}
	r.senders = append(r.senders, s)
	w.senders = append(w.senders, s)
	s.client = w.addClient(r)
	s.client.sender = s
	for _, c := range r.clients {
		c.next = make([]uint32, len(r.senders))
	}
}

// close drops all connections.
func (w *crowd) close() error { return w.loop.close() }

// connect opens the connections of the clients, so many at a time, and returns
// how many failed. Nothing is read meanwhile.
func (w *crowd) connect(ctx context.Context, clients []*client, parallel int) (failed int, err error) {
	type opened struct {
		client *client
		socket *socket
		early  []byte
		err    error
	}
	results := make(chan opened, parallel)
	places := make(chan struct{}, parallel)
	go func() {
		for _, c := range clients {
			places <- struct{}{}
			go func() {
				s, early, err := w.dialer.open(ctx, c.id, w.receiveBuffer(c), c.room.name)
				results <- opened{c, s, early, err}
				<-places
			}()
		}
	}()
	for range clients {
		o := <-results
		if o.err != nil {
			failed++
			w.note("connection %d: %v", o.client.id, o.err)
			continue
		}
		if addErr := w.enter(o.client, o.socket, o.early); addErr != nil && err == nil {
			err = addErr
		}
	}
	return failed, err
}

// receiveBuffer is small for those who will stop reading, so that it is the
// server who has to hold what they do not take.
func (w *crowd) receiveBuffer(c *client) int {
	if slices.Contains(w.stallers, c) {
		return 64 << 10
	}
	return 0
}

func (w *crowd) enter(c *client, s *socket, early []byte) error {
	c.socket, c.carry, c.excused = s, c.carry[:0], false
	c.rank, c.missing, c.fragments = 0, nil, c.fragments[:0]
	for place, s := range c.room.senders {
		c.next[place] = s.sent + 1
	}
	c.room.live++
	return w.loop.add(c, early)
}

// post sends the next message of a sender. sentAt is when it should have left.
func (w *crowd) post(s *sender, sentAt int64) {
	if s.client.excused {
		return
	}
	s.sent++
	m := s.slot(s.sent)
	m.seq, m.sentAt, m.rank = s.sent, sentAt, 0
	m.payload = appendPayload(m.payload[:0], w.run, s.number, s.sent, w.payload)
	m.left = w.audience(s)
	w.messages++
	w.awaited++
	s.inFlight++
	w.frame = appendFrame(w.frame[:0], opText, w.words.sendBefore, m.payload, w.words.sendAfter)
	if err := w.loop.say(s.client, w.frame); err != nil {
		w.loop.lose(s.client, err)
	}
	if m.left == 0 {
		w.complete(s)
	}
}

// audience is how many clients should hear what a sender who is connected says.
func (w *crowd) audience(s *sender) int {
	if w.echo {
		return s.client.room.live
	}
	return s.client.room.live - 1
}

// complete is called when a message has been heard by all.
func (w *crowd) complete(s *sender) {
	w.awaited--
	if s.inFlight--; !w.joining {
		w.ready = append(w.ready, s)
	}
}

// gone is called by the loop when a connection has ended without our wish.
func (w *crowd) gone(c *client, err error) {
	if c.excused {
		return
	}
	w.note("connection %d ended: %v", c.id, err)
	w.faults.Lost++
	w.faults.Missing += uint64(w.excuse(c))
}

// excuse expects nothing of a client any more, and returns how many messages on
// their way it has not heard.
func (w *crowd) excuse(c *client) (unheard int) {
	c.excused = true
	c.room.live--
	for m := range c.missing {
		unheard++
		w.release(c.room.senders[m.place], m.seq)
	}
	c.missing = nil
	for place, s := range c.room.senders {
		if s.client == c && !w.echo {
			continue
		}
		for seq := c.next[place]; seq <= s.sent; seq++ {
			unheard++
			w.release(s, seq)
		}
		c.next[place] = s.sent + 1
	}
	return unheard
}

// release counts one client less among those who should still hear a message.
func (w *crowd) release(s *sender, seq uint32) {
	m := s.slot(seq)
	if m.seq != seq || m.left == 0 {
		return
	}
	if m.left--; m.left == 0 {
		w.complete(s)
	}
}

// text is called by the loop for every text frame.
func (w *crowd) text(c *client, frame []byte, now int64) {
	for w.words.lines {
		line, rest, more := bytes.Cut(frame, newline)
		if !more {
			break
		}
		w.line(c, line, now)
		frame = rest
	}
	w.line(c, frame, now)
}

var newline = []byte{'\n'}

func (w *crowd) line(c *client, line []byte, now int64) {
	if w.words.isPing(line) {
		// A failure shows when the client is flushed.
		_ = w.loop.say(c, appendFrame(nil, opText, w.words.pong))
		return
	}
	w.hear(c, w.words.unwrap(line), now)
}

// hear checks one delivery. It is the generator's hot path: a message that
// arrives as it should costs one comparison and a few counters.
func (w *crowd) hear(c *client, payload []byte, now int64) {
	number, seq, ok := origin(payload)
	if !ok || int(number) >= len(w.senders) || seq > w.senders[number].sent {
		w.corrupted(c, payload)
		return
	}
	s := w.senders[number]
	m := s.slot(seq)
	if m.seq != seq || !bytes.Equal(m.payload, payload) {
		if m.seq == seq || !genuine(payload, w.run) {
			w.corrupted(c, payload)
			return
		}
		m = nil // older than what is kept
	}
	switch {
	case s.client.room != c.room:
		w.faults.Stray++
		return
	case s.client == c && !w.echo:
		w.faults.Echoed++
		return
	case c.excused:
		return
	}
	if next := &c.next[s.place]; seq == *next {
		*next++
	} else if !w.outOfTurn(c, s.place, seq) {
		return
	}
	w.deliveries++
	w.lastHeard = now
	if m != nil {
		w.account(c, s, m, now)
	}
}

// account takes one delivery of a message off those that are awaited.
func (w *crowd) account(c *client, s *sender, m *slot, now int64) {
	if m.sentAt >= w.since {
		w.latency.record(now - m.sentAt)
	}
	// Senders who do not hear themselves cannot say which was first: their own
	// message or the one they heard.
	if c.sender == nil || w.echo {
		if m.rank == 0 {
			c.room.ranks++
			m.rank = c.room.ranks
		}
		if m.rank < c.rank {
			w.faults.Disordered++
		} else {
			c.rank = m.rank
		}
	}
	if m.left--; m.left == 0 {
		w.complete(s)
	}
}

// outOfTurn sorts out a message that is not the next of its sender, and reports
// whether it is new to the client.
func (w *crowd) outOfTurn(c *client, place int, seq uint32) bool {
	if seq > c.next[place] {
		if !w.joining {
			c.missed(place, seq)
		}
		c.next[place] = seq + 1
		return true
	}
	if _, late := c.missing[message{place, seq}]; late {
		delete(c.missing, message{place, seq})
		w.faults.Reordered++
		return true
	}
	w.faults.Doubled++
	return false
}

func (w *crowd) corrupted(c *client, payload []byte) {
	w.faults.Corrupted++
	w.note("connection %d heard %.200q", c.id, payload)
}

// countMissing adds what has not come. It is called once, at the end.
func (w *crowd) countMissing() {
	for _, c := range w.clients {
		if !c.excused {
			w.faults.Missing += uint64(w.excuse(c))
		}
	}
}

// note keeps the first few explanations of what went wrong.
func (w *crowd) note(format string, args ...any) {
	if len(w.notes) < 5 {
		w.notes = append(w.notes, fmt.Sprintf(format, args...))
	}
}
