//go:build linux

package load

// client is one simulated client and what it has received.
type client struct {
	*socket // nil while not connected
	id      int
	room    *room
	sender  *sender // nil if it only receives
	partial []byte  // the beginning of a frame whose rest has not been read
	// fragments is the beginning of a message whose last fragment has not come.
	fragments []byte

	// next is the sequence number expected from each sender of the room.
	next []uint32
	// missing are messages that were skipped and may still come.
	missing map[messageKey]struct{}
	// position is that of the newest message received, in the room's order.
	position uint64
	// inactive is set while no messages are expected at the client: it is not
	// connected, or has stopped reading.
	inactive bool
}

// messageKey identifies a message in a room.
type messageKey struct {
	index int // of the sender in the room
	seq   uint32
}

// room is a set of clients. Each should receive what the others send.
type room struct {
	name      string
	clients   []*client
	senders   []*sender
	active    int    // how many clients are not inactive
	positions uint64 // how many messages have been received by some client
	// joined is set once all active clients have received one message.
	joined bool
}

// sender is a client that sends, and its messages in flight.
type sender struct {
	client   *client
	index    int    // among the senders of its room
	number   uint32 // among all senders
	sent     uint32 // the sequence number of the newest message
	inFlight int
	ring     []sentMessage // by sequence number; a power of two long
}

// sentMessage is one message. Its payload is kept to be compared with what
// arrives.
type sentMessage struct {
	seq      uint32
	left     int // clients that have not received it
	sentAt   int64
	position uint64 // its position in the order in which the room's messages first arrived
	payload  []byte
}

func (s *sender) sentMessage(seq uint32) *sentMessage { return &s.ring[int(seq)&(len(s.ring)-1)] }

// addMissing records that the messages of a sender before seq have not come.
func (c *client) addMissing(index int, seq uint32) {
	if c.missing == nil {
		c.missing = make(map[messageKey]struct{})
	}
	for q := c.next[index]; q < seq; q++ {
		c.missing[messageKey{index, q}] = struct{}{}
	}
}
