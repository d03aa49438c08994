package journal

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Seq is the number of an entry in its room. Numbers begin with 1, have no holes
// within an epoch and stay below 2^53, so that JavaScript can hold them. 0 means
// none.
type Seq uint64

// User is who said something.
type User struct {
	ID     string
	Name   string
	Avatar string
	Guest  bool
}

// Entry is anything a journal records or passes on. After it was handed to a
// journal, many goroutines share it: neither the entry nor its Body may be
// changed.
type Entry struct {
	Room string
	Kind Kind

	// Text says that Body is not JSON but the plain UTF-8 text of a raw client's
	// frame. It stands for the JSON string of that text.
	Text bool

	// Recalled is set by the journal: this is a Message whose body was erased.
	Recalled bool

	From User

	// Key is chosen by the client. It makes Append idempotent per room and user.
	// With an empty key the same message may be said twice.
	Key string

	// Target is the number of the entry that this one is about, or 0.
	Target Seq

	// Body is a JSON value, unless Text is set.
	Body []byte

	// Origin is the id of the session that handed the entry in. Followers get
	// it. A journal need not record it, because no session outlives the journal.
	Origin string

	// The journal sets the rest.

	Seq Seq
	At  int64 // Unix milliseconds; never decreases within a room
}

// Size returns what an entry counts for where bytes in memory are bounded: its
// texts, and 160 bytes for the rest.
func (e *Entry) Size() int {
	return len(e.Body) + len(e.Key) + len(e.From.ID) + len(e.From.Name) + 160
}

// MaxRoom is the length of a room's name, in bytes, at most.
const MaxRoom = 128

// CheckRoom returns an error that says what is wrong with a room's name. A name
// has 1 to MaxRoom bytes of UTF-8 without control characters.
func CheckRoom(name string) error {
	switch {
	case name == "":
		return errors.New("room name is empty")
	case len(name) > MaxRoom:
		return fmt.Errorf("room name has %d bytes, at most %d are allowed", len(name), MaxRoom)
	case !utf8.ValidString(name):
		return errors.New("room name is not UTF-8")
	}
	for _, c := range name {
		if unicode.IsControl(c) {
			return errors.New("room name has a control character")
		}
	}
	return nil
}
