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
	"time"
)

// payload is the size of a message, unless the scenario is about size.
const payload = 128

// shape is how many clients there are, and what they send.
type shape struct {
	rooms     int
	senders   int // in each room
	receivers int // in each room, besides the senders
	stalled   int // how many receivers of the last room will stop reading
	// bystanders are in rooms of their own, ten in each, where nobody sends.
	bystanders int
	// keep is how many messages of each sender are kept, to compare them with
	// what arrives. It must be at least as many as can be in flight.
	keep    int
	payload int
}

// messagesToKeep is keep for an open loop: the server may not have relayed any
// message when the last is sent.
func (s shape) messagesToKeep(rate int, d time.Duration) int {
	return rate*int(d/time.Second+2)/(s.rooms*s.senders) + 16
}

// generator owns all clients of one run. Only the goroutine that runs it may use
// it.
type generator struct {
	opts    Options
	echo    bool
	codec   codec
	server  processes
	dialer  *dialer
	loop    *loop
	runID   uint32 // is in every message of this run
	payload int
	frame   []byte // a buffer for the frame that is being sent

	rooms   []*room
	clients []*client
	senders []*sender
	stalled []*client

	counters
	pending int       // messages that some client has not received yet
	ready   []*sender // those with a message that all have received since the last step
	joining bool      // clients may not be in their room yet, and may miss messages
}

// counters are what is counted while messages arrive.
type counters struct {
	faults       Faults
	messages     uint64
	deliveries   uint64
	lastReceived int64
	latency      histogram
	since        int64 // latency is of messages sent after this time
	notes        []string
}

func newGenerator(t Target, opts Options, s shape) (*generator, error) {
	d, err := newDialer(t.URL, t.Dialect)
	if err != nil {
		return nil, err
	}
	g := &generator{
		opts: opts, echo: t.Echo, codec: t.Dialect.codec(), server: t.PIDs, dialer: d,
		runID: rand.Uint32(), payload: max(s.payload, MinPayload),
	}
	if g.loop, err = newLoop(g); err != nil {
		return nil, err
	}
	ring := 1 << bits.Len(uint(max(s.keep, 16)-1))
	for i := range s.rooms {
		r := g.addRoom("r" + strconv.Itoa(i))
		for range s.senders {
			g.addSender(r, ring)
		}
		for range s.receivers {
			g.addClient(r)
		}
	}
	g.stalled = slices.Clone(g.clients[len(g.clients)-s.stalled:])
	for i := range s.bystanders {
		if i%10 == 0 {
			g.addRoom("quiet" + strconv.Itoa(i/10))
		}
		g.addClient(g.rooms[len(g.rooms)-1])
	}
	return g, nil
}

func (g *generator) addRoom(name string) *room {
	r := &room{name: name}
	g.rooms = append(g.rooms, r)
	return r
}

func (g *generator) addClient(r *room) *client {
	c := &client{id: len(g.clients), room: r, next: make([]uint32, len(r.senders)), inactive: true}
	g.clients = append(g.clients, c)
	r.clients = append(r.clients, c)
	return c
}

func (g *generator) addSender(r *room, ring int) {
	s := &sender{index: len(r.senders), number: uint32(len(g.senders)), ring: make([]sentMessage, ring)}
	r.senders = append(r.senders, s)
	g.senders = append(g.senders, s)
	s.client = g.addClient(r)
	s.client.sender = s
	for _, c := range r.clients {
		c.next = make([]uint32, len(r.senders))
	}
}

// close drops all connections.
func (g *generator) close() error { return g.loop.close() }

// connect opens the connections of the clients, parallel at a time, and returns
// how many failed. It reads nothing meanwhile.
func (g *generator) connect(ctx context.Context, clients []*client, parallel int) (failed int, err error) {
	type opened struct {
		client *client
		socket *socket
		early  []byte
		err    error
	}
	results := make(chan opened, parallel)
	slots := make(chan struct{}, parallel)
	go func() {
		for _, c := range clients {
			slots <- struct{}{}
			go func() {
				s, early, err := g.dialer.open(ctx, c.id, g.receiveBuffer(c), c.room.name)
				results <- opened{c, s, early, err}
				<-slots
			}()
		}
	}()
	for range clients {
		o := <-results
		if o.err != nil {
			failed++
			g.note("connection %d: %v", o.client.id, o.err)
			continue
		}
		if addErr := g.activate(o.client, o.socket, o.early); addErr != nil && err == nil {
			err = addErr
		}
	}
	return failed, err
}

// receiveBuffer is small for clients that will stop reading, so that the server
// and not the client's kernel has to hold what they do not read.
func (g *generator) receiveBuffer(c *client) int {
	if slices.Contains(g.stalled, c) {
		return 64 << 10
	}
	return 0
}

// activate begins to serve a client that has connected.
func (g *generator) activate(c *client, s *socket, early []byte) error {
	c.socket, c.partial, c.inactive = s, c.partial[:0], false
	c.position, c.missing, c.fragments = 0, nil, c.fragments[:0]
	for index, s := range c.room.senders {
		c.next[index] = s.sent + 1
	}
	c.room.active++
	return g.loop.add(c, early)
}

// send sends the next message of a sender. sentAt is when it should have been
// sent.
func (g *generator) send(s *sender, sentAt int64) {
	if s.client.inactive {
		return
	}
	s.sent++
	m := s.sentMessage(s.sent)
	m.seq, m.sentAt, m.position = s.sent, sentAt, 0
	m.payload = appendPayload(m.payload[:0], g.runID, s.number, s.sent, g.payload)
	m.left = g.receiverCount(s)
	g.messages++
	g.pending++
	s.inFlight++
	g.frame = appendFrame(g.frame[:0], opText, g.codec.sendPrefix, m.payload, g.codec.sendSuffix)
	if err := g.loop.queueFrame(s.client, g.frame); err != nil {
		g.loop.lose(s.client, err)
	}
	if m.left == 0 {
		g.complete(s)
	}
}

// receiverCount is how many clients should receive a message of s, which is
// connected.
func (g *generator) receiverCount(s *sender) int {
	if g.echo {
		return s.client.room.active
	}
	return s.client.room.active - 1
}

// complete is called when all have received a message.
func (g *generator) complete(s *sender) {
	g.pending--
	if s.inFlight--; !g.joining {
		g.ready = append(g.ready, s)
	}
}

// onLost is called by the loop when a connection has ended that we did not end.
func (g *generator) onLost(c *client, err error) {
	if c.inactive {
		return
	}
	g.note("connection %d ended: %v", c.id, err)
	g.faults.Lost++
	g.faults.Missing += uint64(g.deactivate(c))
}

// deactivate expects no more messages at a client. It returns how many pending
// messages the client has not received.
func (g *generator) deactivate(c *client) (unreceived int) {
	c.inactive = true
	c.room.active--
	for m := range c.missing {
		unreceived++
		g.release(c.room.senders[m.index], m.seq)
	}
	c.missing = nil
	for index, s := range c.room.senders {
		if s.client == c && !g.echo {
			continue
		}
		for seq := c.next[index]; seq <= s.sent; seq++ {
			unreceived++
			g.release(s, seq)
		}
		c.next[index] = s.sent + 1
	}
	return unreceived
}

// release counts one client less among those that should receive a message.
func (g *generator) release(s *sender, seq uint32) {
	m := s.sentMessage(seq)
	if m.seq != seq || m.left == 0 {
		return
	}
	if m.left--; m.left == 0 {
		g.complete(s)
	}
}

// onText is called by the loop for every text message.
func (g *generator) onText(c *client, frame []byte, now int64) {
	for g.codec.lines {
		line, rest, more := bytes.Cut(frame, newline)
		if !more {
			break
		}
		g.onLine(c, line, now)
		frame = rest
	}
	g.onLine(c, frame, now)
}

var newline = []byte{'\n'}

func (g *generator) onLine(c *client, line []byte, now int64) {
	if g.codec.isPing(line) {
		// An error comes again when the client is flushed.
		_ = g.loop.queueFrame(c, appendFrame(nil, opText, g.codec.pong))
		return
	}
	g.checkDelivery(c, g.codec.unwrap(line), now)
}

// checkDelivery checks one message that a client has received. It is the
// generator's hot path: a correct delivery costs one comparison and a few counters.
func (g *generator) checkDelivery(c *client, payload []byte, now int64) {
	number, seq, ok := parseOrigin(payload)
	if !ok || int(number) >= len(g.senders) || seq > g.senders[number].sent {
		g.corrupted(c, payload)
		return
	}
	s := g.senders[number]
	m := s.sentMessage(seq)
	if m.seq != seq || !bytes.Equal(m.payload, payload) {
		if m.seq == seq || !valid(payload, g.runID) {
			g.corrupted(c, payload)
			return
		}
		m = nil // it is not kept any more
	}
	switch {
	case s.client.room != c.room:
		g.faults.Stray++
		return
	case s.client == c && !g.echo:
		g.faults.Echoed++
		return
	case c.inactive:
		return
	}
	if next := &c.next[s.index]; seq == *next {
		*next++
	} else if !g.outOfOrder(c, s.index, seq) {
		return
	}
	g.deliveries++
	g.lastReceived = now
	if m != nil {
		g.countDelivery(c, s, m, now)
	}
}

// countDelivery counts a new delivery of a message.
func (g *generator) countDelivery(c *client, s *sender, m *sentMessage, now int64) {
	if m.sentAt >= g.since {
		g.latency.record(now - m.sentAt)
	}
	// A sender that does not receive its own messages cannot tell whether its own
	// or the received message was first.
	if c.sender == nil || g.echo {
		if m.position == 0 {
			c.room.positions++
			m.position = c.room.positions
		}
		if m.position < c.position {
			g.faults.Disordered++
		} else {
			c.position = m.position
		}
	}
	if m.left--; m.left == 0 {
		g.complete(s)
	}
}

// outOfOrder handles a message that is not the next of its sender. It reports
// whether the client has not received it before.
func (g *generator) outOfOrder(c *client, index int, seq uint32) bool {
	if seq > c.next[index] {
		if !g.joining {
			c.addMissing(index, seq)
		}
		c.next[index] = seq + 1
		return true
	}
	if _, late := c.missing[messageKey{index, seq}]; late {
		delete(c.missing, messageKey{index, seq})
		g.faults.Reordered++
		return true
	}
	g.faults.Doubled++
	return false
}

func (g *generator) corrupted(c *client, payload []byte) {
	g.faults.Corrupted++
	g.note("connection %d received %.200q", c.id, payload)
}

// countMissing counts messages that have not come. It is called once, at the end.
func (g *generator) countMissing() {
	for _, c := range g.clients {
		if !c.inactive {
			g.faults.Missing += uint64(g.deactivate(c))
		}
	}
}

// note keeps the first five descriptions of faults.
func (g *generator) note(format string, args ...any) {
	if len(g.notes) < 5 {
		g.notes = append(g.notes, fmt.Sprintf(format, args...))
	}
}
