//go:build linux

package load

// client is one member of the crowd and what it has heard.
type client struct {
	*socket // nil while not connected
	id      int
	room    *room
	sender  *sender // nil for one who only listens
	carry   []byte  // the beginning of a frame that was cut in two by a read
	// fragments is the beginning of a message of several frames.
	fragments []byte

	// next is the sequence number expected from each sender of the room.
	next []uint32
	// missing are messages that were skipped and may still come.
	missing map[message]struct{}
	// rank is that of the newest message heard, in the room's order.
	rank uint64
	// excused is set while nothing is expected of the client: it is not
	// connected, or has been told to stop reading.
	excused bool
}

// message names one message in a room.
type message struct {
	place int
	seq   uint32
}

// room is some clients who should hear each other.
type room struct {
	name    string
	clients []*client
	senders []*sender
	live    int // of the clients, those who are not excused
	ranks   uint64
	// joined is set once one message has been heard by all who are here.
	joined bool
}

// sender is one who speaks, and what is known of the messages on their way.
type sender struct {
	client   *client
	place    int    // in its room's list of senders
	number   uint32 // in the whole crowd
	sent     uint32 // the sequence number of the newest message
	inFlight int
	ring     []slot // by sequence number; a power of two long
}

// slot is one message. What was sent is kept to be compared with what arrives.
type slot struct {
	seq     uint32
	left    int // clients who have not heard it
	sentAt  int64
	rank    uint64 // when it was first heard, among the room's messages
	payload []byte
}

func (s *sender) slot(seq uint32) *slot { return &s.ring[int(seq)&(len(s.ring)-1)] }

// missed notes that the messages of a sender between next and seq did not come.
func (c *client) missed(place int, seq uint32) {
	if c.missing == nil {
		c.missing = make(map[message]struct{})
	}
	for q := c.next[place]; q < seq; q++ {
		c.missing[message{place, q}] = struct{}{}
	}
}
