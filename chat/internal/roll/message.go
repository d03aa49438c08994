package roll

import "github.com/caddychat/caddy-chat/chat/journal"

// message is what a node tells: changes, or a question, or neither: then it says only which
// number was the newest.
type message struct {
	N   uint64   `json:"n"`             // the number of this one if it has changes, otherwise of the newest that had
	Ops []op     `json:"ops,omitempty"` // in order
	Ask []string `json:"ask,omitempty"` // who is in these rooms at your node?
	To  string   `json:"to,omitempty"`  // the node that is asked; empty: all
}

// op is what has changed in a room.
type op struct {
	Room   string `json:"r"`
	How    string `json:"h,omitempty"`
	ID     string `json:"i,omitempty"`
	Name   string `json:"m,omitempty"`
	Avatar string `json:"a,omitempty"`
	Guest  bool   `json:"g,omitempty"`
}

// How something changes.
const (
	came   = ""     // the user is here
	left   = "left" // the user is not, by somebody's wish
	wasCut = "lost" // the user is not: the connection was lost
	all    = "all"  // nobody is here but those whom the next ops of the room name; it answers a question
)

func cameOp(room string, u journal.User) op {
	return op{Room: room, ID: u.ID, Name: u.Name, Avatar: u.Avatar, Guest: u.Guest}
}

func (o *op) user() journal.User {
	return journal.User{ID: o.ID, Name: o.Name, Avatar: o.Avatar, Guest: o.Guest}
}

// size is about what an op takes in a message.
func (o *op) size() int { return len(o.Room) + len(o.ID) + len(o.Name) + len(o.Avatar) + 40 }
