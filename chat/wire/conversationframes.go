package wire

// The frames of conversations, which are rooms whose entries say who belongs to them, and of
// the list of a user's conversations. Commands and answers are here together.

// Create founds a conversation. The answer is a [Created].
type Create struct {
	ID string
	// Direct is the other user of a conversation of two. Without it, the same Key again
	// means the same room, and the rest says what the room is.
	Direct string

	Key     string
	Pattern string // of the policy, or empty for the first that permits it
	Title   string
	Avatar  string
	About   string
	Users   []string // the other members' ids, each once

	Room, Owner string // the name and who owns it; only keys may choose them
}

// SetMembers, frame member, gives users a role in a conversation. The answer is a
// [Sent].
type SetMembers struct {
	ID    string
	Room  string
	Users []string // 1 to MaxUsers ids, each once
	Role  string   // member, admin, owner or none
}

// ListMembers, frame members, asks who belongs to a conversation. The answer is a
// [MemberList].
type ListMembers struct {
	ID    string
	Room  string
	After string // a user's id: those behind it, in the order of the ids
	Limit int    // 0 for the server's own
}

// SetInfo, frame info, changes what a conversation is called, or closes it. Nil fields
// stay. The answer is a [Sent].
type SetInfo struct {
	ID                   string
	Room                 string
	Title, Avatar, About *string
	Closed               *bool
}

func (c *Create) CommandID() string      { return c.ID }
func (c *SetMembers) CommandID() string  { return c.ID }
func (c *ListMembers) CommandID() string { return c.ID }
func (c *SetInfo) CommandID() string     { return c.ID }

// Created answers [Create].
type Created struct {
	ID        string
	Room      string
	Duplicate bool // it was there before
}

// MemberList, frame members, answers [ListMembers].
type MemberList struct {
	ID    string
	Room  string
	Users []MemberOf // by id
	Size  int        // how many there are in all
	More  bool
}

// MemberOf is somebody who belongs to a conversation.
type MemberOf struct {
	User  User
	Role  string
	Since uint64 // the entry with which they came
	Read  uint64 // how far they have read; 0: that is not shown
}

// Members is the body of an entry that says who belongs to its room. Its fields are
// fields of the entry's frame.
type Members struct {
	Users []User
	Role  string // that they get
	// Owner is the owner of a new conversation, or who follows the one who has left.
	Owner                *User
	Title, Avatar, About string // of a new conversation
}

// List asks for conversations of the user: a page of all, or certain ones. The answer is a
// [Rows].
type List struct {
	ID    string
	Next  string   // where the page before ended; empty: from the beginning
	Limit int      // 0 for the server's own
	Rooms []string // these alone
}

// SetRow, frame set, changes how the user has a conversation in their list. Nil fields
// stay. The answer is an [OK].
type SetRow struct {
	ID                string
	Room              string
	Notify, Top, Hide *bool
	Block             *bool // of the other one of two
	Clear             bool  // hide everything that was said until now, for good
}

func (c *List) CommandID() string   { return c.ID }
func (c *SetRow) CommandID() string { return c.ID }

// Rows, frame list, answers [List].
type Rows struct {
	ID   string
	Rows []Row
	Next string // for the next page; empty if there is none
	More bool   // also true if rows that were named are left out
}

// Seen reports how far another member has read.
type Seen struct {
	Room, User string
	Seq        uint64
}

// Erased reports that a user was erased: no entry of the room shows their name or their
// picture any more.
type Erased struct{ Room, User string }

// Head reports what is new in a conversation to those who list it.
type Head struct {
	Room  string
	Last  uint64
	At    int64 // of Entry, Unix milliseconds
	Count uint64
	Entry *Entry    // nil: there is none that the user is shown
	Cut   bool      // its body was shortened
	Info  *HeadInfo // nil: it has not changed
}

// HeadInfo is the rest of what all members of a conversation see in their lists.
type HeadInfo struct {
	Title, Avatar string
	Closed        bool
	Size          int
}
