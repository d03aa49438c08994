package journal

// Kind says what an entry does. The table of kinds below says what that means;
// other code asks the table and compares no kinds.
type Kind uint8

// The kinds. Journals write these numbers to disk: they must not change.
const (
	// Message is something a user said.
	Message Kind = 1
	// Recall takes back the Message numbered Target. The journal erases the
	// body of that message.
	Recall Kind = 2
	// Notice is something the server or its operator says.
	Notice Kind = 3
	// Member changes who belongs to its room, Info what the room is called.
	Member Kind = 4
	Info   Kind = 5
	// Edit replaces the body of the Message numbered Target.
	Edit Kind = 6
	// Tag is a reaction or a mark at the Message numbered Target. It changes nothing
	// there: its records say what it means.
	Tag Kind = 7
	// Event is something that backends hear of, and no client.
	Event Kind = 8

	// Binary is a binary frame of a raw client.
	Binary Kind = 128
	// Signal is a frame of chat.v1 that has no lasting meaning, such as "a user
	// is typing".
	Signal Kind = 129
	// Aside is a frame of chat.v1 for the other sessions of the same user.
	Aside Kind = 130
)

// traits is one row of the table of kinds. The comments name its columns.
type traits struct {
	name      string   // type of its frame in chat.v1; empty: it has no frame
	recorded  bool     // the journal numbers it and keeps it
	hasSender bool     // From is a user; otherwise it may be empty
	hasTarget bool     // Target names the entry that it acts on
	effect    Effect   // on its target
	reveals   bool     // its body says something of the target: not for who is not shown that one
	erasable  bool     // it may be the target of an effect
	counts    bool     // as unread, unless it is quiet
	governs   bool     // it decides who may do what in its room
	raw       RawFrame // what raw clients get
	audience  Audience // who gets it
}

// kinds is an array because every delivery looks into it.
var kinds = [256]traits{
	Message: {name: "message", recorded: true, hasSender: true, erasable: true, counts: true, raw: RawText},
	Recall:  {name: "recalled", recorded: true, hasTarget: true, effect: Erase},
	Notice:  {name: "notice", recorded: true, counts: true},
	Member:  {name: "member", recorded: true, governs: true},
	Info:    {name: "info", recorded: true, governs: true},
	Edit:    {name: "edited", recorded: true, hasTarget: true, effect: Replace, reveals: true},
	Tag:     {name: "tagged", recorded: true, hasTarget: true, reveals: true},
	Event:   {recorded: true},
	Binary:  {hasSender: true, raw: RawBinary},
	Signal:  {hasSender: true, audience: OtherUsers},
	Aside:   {hasSender: true, audience: SameUser},
}

// Effect is what recording an entry does to the entry's target.
type Effect uint8

// The effects.
const (
	NoEffect Effect = iota
	Erase           // the target's body is erased from the journal
	Replace         // the target gets the entry's body, which is kept nowhere else
)

// RawFrame is how clients of the raw dialect get an entry.
type RawFrame uint8

// The forms.
const (
	NoRawFrame RawFrame = iota // they do not get it
	RawText                    // its text, as a text frame
	RawBinary                  // its body, as a binary frame
)

// Audience is who in a room gets an entry.
type Audience uint8

// The audiences.
const (
	Everyone   Audience = iota
	OtherUsers          // all but the sessions of the user From
	SameUser            // the sessions of the user From, except the one it came from
)

// Recorded reports whether the journal numbers entries of this kind and keeps
// them. Entries of other kinds are transient: followers get them in order with
// the rest, but they have no number and are not kept.
func (k Kind) Recorded() bool { return kinds[k].recorded }

// Name returns the type of the frame that shows such an entry to clients of
// chat.v1. It is empty for kinds that have no such frame.
func (k Kind) Name() string { return kinds[k].name }

// HasSender reports whether such an entry always comes from a user.
func (k Kind) HasSender() bool { return kinds[k].hasSender }

// HasTarget reports whether such an entry always names, by Target, the one it is about.
func (k Kind) HasTarget() bool { return kinds[k].hasTarget }

// Effect returns what such an entry does to its target.
func (k Kind) Effect() Effect { return kinds[k].effect }

// Reveals reports whether the body of such an entry says something of its target: who is
// not shown the target gets the entry without its body.
func (k Kind) Reveals() bool { return kinds[k].reveals }

// Erasable reports whether such an entry may be the target of an Effect.
func (k Kind) Erasable() bool { return kinds[k].erasable }

// Counts reports whether such an entry counts as unread, unless it is quiet.
func (k Kind) Counts() bool { return kinds[k].counts }

// Governs reports whether such an entry decides who may do what in its room.
func (k Kind) Governs() bool { return kinds[k].governs }

// Raw returns how clients of the raw dialect get such an entry.
func (k Kind) Raw() RawFrame { return kinds[k].raw }

// Audience returns who in the room gets such an entry.
func (k Kind) Audience() Audience { return kinds[k].audience }

// KindNamed returns the recorded kind whose frame has this type. It returns
// false if there is none.
func KindNamed(name string) (Kind, bool) {
	for k := range kinds {
		if kinds[k].recorded && name != "" && kinds[k].name == name {
			return Kind(k), true
		}
	}
	return 0, false
}
