package wire

import "time"

// Limits that are part of the protocol: no server accepts more. [Limits] are those
// that each server sets.
const (
	// MaxSeq is the largest number of an entry: JavaScript's largest integer.
	MaxSeq = 1<<53 - 1

	MaxID       = 64      // bytes of a command's id
	MaxKey      = 64      // bytes of a send's key
	MaxRoom     = 128     // bytes of a room's name
	MaxEpoch    = 64      // bytes of an epoch
	MaxDevice   = 64      // bytes of a device
	MaxName     = 64      // characters of a user's name
	MaxAvatar   = 512     // bytes of an avatar's URL
	MaxToken    = 8 << 10 // bytes of a token
	MaxUser     = 128     // bytes of a user's id
	MaxTag      = 32      // characters of a tag
	MaxTagValue = 1 << 10 // bytes of the value of a shared one
	MaxMentions = 50      // ids in a send
	MaxTitle    = 64      // characters of a conversation's title
	MaxAbout    = 500     // characters of what is said about it

	MaxRows    = 200 // rows in one answer
	MaxRowBody = 512 // bytes of a body in a row
	rowChars   = 100 // characters of its text, if it is longer
	MaxNext    = 256 // bytes of List.Next and ListFrom.Since

	// MaxHelloRooms is how many rooms a hello may name, even if the server lets
	// a session join more. It bounds the size of the answer.
	MaxHelloRooms = 1000

	// MaxFor is the longest duration of a mute or a ban that has an end.
	MaxFor = 3650 * 24 * time.Hour

	// MaxDepth is how deep objects and arrays may nest, including the frame.
	MaxDepth = 32
	// MaxNumber is how many characters a number in a frame may have.
	MaxNumber = 32
)

// Limits are the limits that a server sets. It sends them in welcome.
type Limits struct {
	// Message is the longest frame from a client, in bytes. Default 64 KiB.
	Message int
	// Text is the longest text of a message, in Unicode code points; see
	// [TextSize]. Default 2500.
	Text int
	// Page is the most entries in one answer. Default 100.
	Page int
	// Rooms is how many rooms a session may join. Default 100.
	Rooms int
	// Recall is how long an author may recall a message. Default 2 minutes.
	Recall time.Duration
	// Edit is how long an author may edit a message. Default 15 minutes.
	Edit time.Duration
}

// EmptyToken is what a token counts as that is there and empty: a text that no
// Authenticator accepts, since whoever shows it has tried to say who they are.
const EmptyToken = "Bearer"

// Everybody, alone in Send.Mentions, mentions everybody.
const Everybody = "*"

// Never, as a retry, means that trying again is useless.
const Never time.Duration = -1

// Forever, as the duration of a mute or a ban, means that it has no end.
const Forever time.Duration = -1

// millis returns d in milliseconds, rounded up: clients must not retry too early.
func millis(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}
