package journal

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of the contract. Bytes, unless they say otherwise.
const (
	MaxRoom      = 128       // of a room's name; of a reserved one, 129
	MaxMentions  = 50        // ids in an entry
	MaxWith      = 512       // records in an entry
	MaxWithBytes = 256 << 10 // of their keys and values
	MaxRecordKey = 512
	MaxRecord    = 4 << 10 // of a record's value
)

// MaxBody is how long what somebody says may be at most, in bytes: no hub takes a longer
// message. A line of an export is bounded by [MaxLine].
const MaxBody = 128 << 20

// MaxLine is longer than the JSON of any entry. A message of a raw client may be six times as long
// in JSON, if it has nothing but control characters. After an import it is kept so, and then each
// of its escapes takes one byte more where the whole is a text in JSON once more.
const MaxLine = 8 * MaxBody

// MaxSeq is the largest number of an entry.
const MaxSeq Seq = 1<<53 - 1

// ErrLimit is wrapped by the errors of whatever exceeds a limit of the contract or
// contradicts it. Nothing is recorded then, and the same call never succeeds.
var ErrLimit = errors.New("the journal does not take it")

// ErrClosed is returned after Close.
var ErrClosed = errors.New("journal is closed")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrLimit, fmt.Sprintf(format, args...))
}

// NextSeq returns the number after last, or an ErrLimit if there is none.
func NextSeq(last Seq) (Seq, error) {
	if last >= MaxSeq {
		return 0, refuse("the room has had all numbers up to %d", MaxSeq)
	}
	return last + 1, nil
}

// CheckRoom returns an error that says what is wrong with a room's name. A name
// has 1 to MaxRoom bytes of UTF-8 without control characters; a reserved one may have
// one byte more, since it may be @ and the id of a user.
func CheckRoom(name string) error {
	limit := MaxRoom
	if IsReserved(name) {
		limit++
	}
	switch {
	case name == "":
		return errors.New("room name is empty")
	case len(name) > limit:
		return fmt.Errorf("room name has %d bytes, at most %d are allowed", len(name), limit)
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

// IsReserved reports whether a name begins with @. Such rooms belong to the server.
func IsReserved(room string) bool { return strings.HasPrefix(room, "@") }

// CheckEntry returns an ErrLimit if an entry may not be appended. A journal calls it
// for every entry that it is handed; it costs nothing for one without records,
// condition and mentions. Of the room's name it checks the length, since a journal keeps
// names of any bytes.
func CheckEntry(e *Entry) error {
	if n := len(e.Room); n == 0 || n > MaxRoom+1 {
		return refuse("the name of a room has 1 to %d bytes, not %d", MaxRoom, n)
	}
	if len(e.With) == 0 && e.Since == 0 && len(e.Mentions) == 0 {
		return checkTarget(e)
	}
	switch {
	case !e.Kind.Recorded() && (len(e.With) > 0 || e.Since > 0):
		return refuse("an entry that is not recorded can have neither records nor a condition")
	case len(e.Mentions) > MaxMentions:
		return refuse("an entry may mention %d users, not %d", MaxMentions, len(e.Mentions))
	case len(e.With) > MaxWith:
		return refuse("an entry may have %d records, not %d", MaxWith, len(e.With))
	}
	size := 0
	for i := range e.With {
		r := &e.With[i]
		if err := CheckRecord(r.Key, r.Value); err != nil {
			return err
		}
		size += len(r.Key) + len(r.Value)
	}
	if size > MaxWithBytes {
		return refuse("the records of an entry may have %d bytes together, not %d", MaxWithBytes, size)
	}
	return checkTarget(e)
}

func checkTarget(e *Entry) error {
	if e.Kind.HasTarget() && e.Target == 0 {
		return refuse("an entry of the kind %q must have a target", e.Kind.Name())
	}
	return nil
}

// CheckRecord returns an ErrLimit if a record with this key and value cannot be kept.
func CheckRecord(key string, value []byte) error {
	switch {
	case key == "":
		return refuse("the key of a record is empty")
	case len(key) > MaxRecordKey:
		return refuse("the key of a record may have %d bytes, not %d", MaxRecordKey, len(key))
	case !utf8.ValidString(key):
		return refuse("the key of a record is not UTF-8")
	case len(value) > MaxRecord:
		return refuse("a record may have %d bytes, not %d", MaxRecord, len(value))
	}
	return nil
}
