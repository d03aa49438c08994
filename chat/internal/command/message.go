package command

import (
	"encoding/json"
	"time"
)

// What a node may be asked.
const (
	Remove    = "remove"    // the user from the room, or from the hub if none is named
	Moderates = "moderates" // whether the user is here and moderates the room, or the hub
	End       = "end"       // the session
	Count     = "count"     // sessions of the user, in the room if one is named
	Online    = "online"    // which of the users are here
	Names     = "names"     // what is shown of those of the users who are here
	Rooms     = "rooms"     // some of those that somebody is in
	Sessions  = "sessions"  // some of them: of the user and in the room, if these are named
	Find      = "find"      // what is known of it
	Renew     = "renew"     // the room, which the asking node erases: how many sessions are in it
	Row       = "row"       // what the user has cleared of the room, and blocked, holds here from now on
	Arrive    = "arrived"   // sessions of another node: end those here that have their devices
)

// Command is what a node is asked to do, or to tell.
type Command struct {
	Act     string   `json:"act,omitempty"`
	Node    string   `json:"node,omitempty"` // the only one that is asked
	Room    string   `json:"room,omitempty"`
	User    string   `json:"user,omitempty"`
	Users   []string `json:"users,omitempty"`
	Session string   `json:"session,omitempty"`
	After   string   `json:"after,omitempty"` // some: those behind this one
	Limit   int      `json:"limit,omitempty"` // some: so many at most
	By      string   `json:"by,omitempty"`    // the node that asks
	From    uint64   `json:"from,omitempty"`  // of a row: the first entry that the user is shown

	Arrived []Arrived `json:"arrived,omitempty"`

	Late bool `json:"-"` // the node was silent, and has come to it as soon as it could
}

// changes reports whether a command asks for more than an answer: then it must hold also at a
// node that is silent while it is given.
func (c *Command) changes() bool {
	switch c.Act {
	case Remove, End, Renew, Row, Arrive:
		return true
	}
	return false
}

// Takes is how long it has taken at most until a node does the command.
func (c *Command) Takes() time.Duration {
	if c.Late {
		return remember // a node that is silent for longer has lost its sessions
	}
	return giveUp
}

// Arrived is a session whose user has become known at a node.
type Arrived struct {
	User    string `json:"u"`
	Device  string `json:"d,omitempty"` // as its client names it
	Session string `json:"s"`
	At      int64  `json:"t"` // Unix nanoseconds, by the node's clock
	Ago     int64  `json:"a"` // nanoseconds before it was told
}

func (e *Arrived) size() int { return len(e.User) + len(e.Device) + len(e.Session) + 80 }

// WasAfter reports whether e, which has come to node by, came after a session that has
// come to node self at that time. Of two sessions that came at once at two nodes, both nodes
// say the same. Clocks of nodes may differ: their times count only where it is not known
// how long a message has taken, which is takes at most.
func (e *Arrived) WasAfter(at int64, self, by string, now time.Time, takes time.Duration) bool {
	older := now.UnixNano() - at - e.Ago // by so much, at most, and by takes less at least
	switch {
	case by == self:
		return at < e.At
	case older < 0:
		return false
	case older > int64(takes):
		return true
	case at != e.At:
		return at < e.At
	}
	return self < by
}

// Answer is what a node answers.
type Answer struct {
	N      int             `json:"n,omitempty"`    // how much there was to do, or how many there are
	Online []string        `json:"on,omitempty"`   // the users
	List   json.RawMessage `json:"list,omitempty"` // what was asked for, in about MaxList bytes
	More   bool            `json:"more,omitempty"` // there is more behind the list
	Err    error           `json:"-"`              // it could not be done now: nothing is answered
}

const (
	giveUp   = 2 * time.Second  // so long a command is sent
	remember = 15 * time.Second // answers are kept, for copies that come late: a node that is silent for longer counts as dead
)

// size is what an answer counts for where bytes are bounded.
func (a *Answer) size() int {
	n := len(a.List) + 100
	for _, user := range a.Online {
		n += len(user) + 16
	}
	return n
}

// MaxList is how many bytes of a list a node answers: a journal may pass on no more at once.
const MaxList = 256 << 10

// message is the body of an entry: a command, or the answer to one if To is set.
type message struct {
	ID string `json:"id"`
	Command
	To string `json:"to,omitempty"` // the node that asked
	Answer
	Roll json.RawMessage `json:"roll,omitempty"` // neither of these: who is in which room, as package roll says it
}

// bytes is what a message counts for where bytes are bounded.
func (m *message) bytes() int {
	n := len(m.ID) + len(m.Act) + len(m.Room) + len(m.User) + len(m.Session) + len(m.After) + 200
	for _, user := range m.Users {
		n += len(user) + 16
	}
	for i := range m.Arrived {
		n += m.Arrived[i].size()
	}
	return n
}

// Fill adds the rows of a list to an answer: up to limit, in about MaxList bytes.
func Fill[T any](a *Answer, limit int, rows []T) {
	list := []byte("[")
	for i := range rows {
		if a.More = i >= limit || len(list) > MaxList; a.More {
			break
		}
		row, err := json.Marshal(rows[i])
		if err != nil {
			continue // texts and numbers can be written
		}
		if len(list) > 1 {
			list = append(list, ',')
		}
		list = append(list, row...)
	}
	a.List = append(list, ']')
}
