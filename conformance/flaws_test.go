package conformance_test

// flaw is one thing that a server does wrong.
type flaw string

const none flaw = ""

// Flaws of the handshake.
const (
	wrongAccept      flaw = "wrong accept"
	upgradesAnything flaw = "upgrades anything"
	bareRefusals     flaw = "refuses without a header"
	anyVersion       flaw = "any version"
	anyKey           flaw = "any key"
	takesBodies      flaw = "takes bodies"
	anyOrigin        flaw = "any origin"
	originPrefix     flaw = "compares beginnings of origins"
	anySubprotocol   flaw = "any subprotocol"
	anyRoomName      flaw = "any room name"
	anyHistory       flaw = "any history"
	losesEarlyBytes  flaw = "loses early bytes"
)

// Flaws of the room.
const (
	echoesToSender    flaw = "echoes to the sender"
	oneRoomForAll     flaw = "one room for all"
	welcomesNewcomers flaw = "welcomes newcomers"
	announcesMembers  flaw = "announces members"
	announcesLeaving  flaw = "announces leaving"
	losesAMessage     flaw = "loses a message"
	doublesAMessage   flaw = "doubles a message"
	reordersMessages  flaw = "reorders messages"
	forgetsOneMember  flaw = "forgets one member"
	dropsEmpty        flaw = "drops empty messages"
	trimsText         flaw = "trims text"
	binaryAsText      flaw = "relays binary as text"
	binaryInHistory   flaw = "records binary"
	historyBackwards  flaw = "history backwards"
	historyUnasked    flaw = "history unasked"
	historyShort      flaw = "history one short"
)

// Flaws of the socket.
const (
	skipsUTF8           flaw = "skips the UTF-8 check"
	checksEachFragment  flaw = "checks each fragment's UTF-8"
	relaysFragments     flaw = "relays fragments as messages"
	forgetsPongs        flaw = "forgets pongs"
	neverPings          flaw = "never pings"
	emptyPongs          flaw = "empty pongs"
	relaysPongs         flaw = "relays pongs"
	anyClose            flaw = "takes any close frame"
	closesWithout       flaw = "answers a close frame without its code"
	closesWith1000      flaw = "closes with 1000 whatever happened"
	listensAfterClose   flaw = "listens after a close frame"
	neverHangsUp        flaw = "never hangs up"
	violationEndsRoom   flaw = "a violation ends the room"
	ignoresReserved     flaw = "ignores reserved bits"
	ignoresOpcodes      flaw = "takes any opcode"
	takesUnmasked       flaw = "takes unmasked frames"
	fragmentsControl    flaw = "takes fragmented control frames"
	longControl         flaw = "takes long control frames"
	takesOrphans        flaw = "takes orphaned continuations"
	nestsMessages       flaw = "takes messages within messages"
	longerLengths       flaw = "takes lengths longer than needed"
	topBitIsTooBig      flaw = "takes the top bit for size"
	limitsFramesOnly    flaw = "limits frames only"
	laxLimit            flaw = "a limit one byte too high"
	readsBeforeRefusing flaw = "reads before it refuses"
	headerInOneRead     flaw = "expects headers in one read"
	masksItsFrames      flaw = "masks its frames"
	longLengths         flaw = "sends lengths longer than needed"
)

// finding is a case that must fail, and a part of what it says.
type finding struct{ name, says string }

const noClose = "waits for a close frame: "

// flaws says which cases must find each of them.
var flaws = map[flaw][]finding{
	wrongAccept: {{"handshake/the RFC's own key gets the RFC's own answer", "Sec-WebSocket-Accept is"}},
	upgradesAnything: {
		{"handshake/POST", "status is 101"},
		{"handshake/HTTP/1.0", "status is 101"},
		{"handshake/Upgrade without Connection", "status is 101"},
	},
	bareRefusals: {
		{"handshake/plain GET", `comes with Upgrade []`},
		{"handshake/plain GET is told of the upgrade in Connection too", `comes with Connection []`},
		{"handshake/version 8", `comes with Sec-WebSocket-Version []`},
	},
	anyVersion: {
		{"handshake/version 8", "status is 101"},
		{"handshake/version is no number", "status is 101"},
		{"handshake/no version", "status is 101"},
	},
	anyKey: {
		{"handshake/no key", "status is 101"},
		{"handshake/empty key", "status is 101"},
		{"handshake/key of 15 bytes", "status is 101"},
		{"handshake/key of 17 bytes", "status is 101"},
		{"handshake/key that is not base64", "status is 101"},
		{"handshake/two keys", "status is 101"},
	},
	takesBodies: {
		{"handshake/body with a length", "status is 101"},
		{"handshake/body in chunks", "status is 101"},
	},
	anyOrigin: {
		{"handshake/Origin of another site", "status is 101"},
		{"handshake/Origin null", "status is 101"},
		{"handshake/two Origins, one of them allowed", "status is 101"},
	},
	originPrefix: {
		{"handshake/Origin that begins like WeChat's", "status is 101"},
		{"handshake/Origin that begins like the same host", "status is 101"},
		{"handshake/Origin of a WeChat game", "status 403, want 101"},
	},
	anySubprotocol: {
		{"handshake/only unknown subprotocols", "status is 101"},
		{"handshake/several unknown subprotocols in two lines", "status is 101"},
	},
	anyRoomName: {
		{"rooms/empty room name", "status is 101"},
		{"rooms/room name of 129 bytes", "status is 101"},
		{"rooms/room name that is not UTF-8", "status is 101"},
		{"rooms/room name with NUL", "status is 101"},
		{"rooms/room name with DEL", "status is 101"},
	},
	anyHistory: {
		{"rooms/history in words", "status is 101"},
		{"rooms/history below zero", "status is 101"},
		{"rooms/history with something behind the number", "status is 101"},
	},
	losesEarlyBytes: {
		{"early/a frame in the segment of the handshake", `waits for text "early"`},
		{"early/a violation in the segment of the handshake", noClose},
	},

	echoesToSender: {
		{"relay/text reaches every other member and never its sender", `ann hears text "one", want text "two"`},
		{"relay/binary reaches every other member and never its sender", "hears binary"},
		{"relay/who is alone in a room speaks into the air", `is sent text "anybody?"`},
		{"crowd/every member hears every message exactly once and all in one order", "member 0:"},
	},
	oneRoomForAll:     {{"relay/rooms are isolated", "inside"}},
	welcomesNewcomers: {{"relay/nothing is ever sent unasked", "welcome"}},
	announcesMembers:  {{"relay/nothing is ever sent unasked", "somebody came"}},
	announcesLeaving: {
		{"relay/nothing is ever sent unasked", "somebody left"},
		{"relay/two members leaving in mid-frame disturb nobody", "somebody left"},
		{"control/hanging up without a close frame", "somebody left"},
	},
	losesAMessage: {
		{"relay/messages arrive in the order they were sent", `want text "message 49"`},
		{"crowd/every member hears every message exactly once and all in one order", "did not hear what"},
	},
	doublesAMessage: {
		{"relay/messages arrive in the order they were sent", `hears text "message 49", want text "message 50"`},
		{"crowd/every member hears every message exactly once and all in one order", "did not hear what"},
	},
	reordersMessages: {
		{"relay/messages arrive in the order they were sent", `hears text "message 40", want text "message 39"`},
	},
	forgetsOneMember: {
		{"crowd/every member hears every message exactly once and all in one order", "member 6: "},
	},
	dropsEmpty: {
		{"framing/a text of 0 bytes", `text ""`},
		{"framing/a binary message of 0 bytes", `binary ""`},
	},
	trimsText: {{"relay/text arrives byte for byte", `want text " spaces`}},
	binaryAsText: {
		{"framing/a binary message of 125 bytes", "hears text"},
		{"relay/text and binary keep their order", "want binary"},
	},
	binaryInHistory:  {{"history/binary is not in it", "hears text \"no\""}},
	historyBackwards: {{"history/the last texts come first, in order", `hears text "text 9", want text "text 7"`}},
	historyUnasked:   {{"history/nothing comes unless it is asked for", `want text "live"`}},
	historyShort:     {{"history/it holds one's own words of an earlier visit", "waits for text"}},

	skipsUTF8: {
		{"unicode/6.6.3 one of two bytes", noClose},
		{"unicode/6.18.1 first surrogate, a byte a fragment", noClose},
		{"unicode/6.15.2 overlong slash in three bytes", noClose},
		{"unicode/a character cut short by an empty last fragment", noClose},
	},
	checksEachFragment: {{"unicode/6.5.1 Greek, a byte a fragment", "κόσμε"}},
	relaysFragments:    {{"framing/5.3 two fragments", `hears text "f`}},
	forgetsPongs:       {{"control/a ping with a text", "waits for pong"}},
	emptyPongs:         {{"control/a ping with a text", `is sent pong "", want`}},
	relaysPongs:        {{"relay/pings and pongs stay between client and server", "ben is sent pong"}},
	neverPings:         {{"control/a silent member is pinged, and stays while it answers", "waits for a ping"}},
	anyClose: {
		{"closing/7.3.2 of one byte", noClose},
		{"closing/7.9 code 1005 is a protocol error", "closes with 1005, want [1002]"},
		{"closing/7.5.1 with a reason that is not UTF-8", "closes with 1000, want [1007]"},
	},
	closesWithout:     {{"closing/7.7 code 4000 comes back", "closes with 0, want [4000]"}},
	listensAfterClose: {{"control/what comes behind a close frame is ignored", "behind the close frame"}},
	neverHangsUp: {
		{"control/the connection ends once both have closed", "does not hang up"},
		{"violations/an unmasked text", "does not hang up"},
		{"violations/who does not answer the close frame is cut off all the same", "does not hang up"},
	},
	closesWith1000: {
		{"violations/an unmasked text", "closes with 1000, want [1002]"},
		{"unicode/6.14.1 FE", "closes with 1000, want [1007]"},
		{"violations/a text one byte too long", "closes with 1000, want [1009]"},
	},
	violationEndsRoom: {{"violations/an unmasked text", "server sent close"}},
	ignoresReserved: {
		{"violations/3.1 RSV3", noClose},
		{"violations/3.6 RSV1 on a ping", `is sent pong "reserved"`},
	},
	ignoresOpcodes: {
		{"violations/4 opcode 0X3", noClose},
		{"violations/4 opcode 0XB without payload, within a message", noClose},
	},
	takesUnmasked: {
		{"violations/an unmasked text", noClose},
		{"violations/an unmasked close frame", "closes with 1000, want [1002]"},
	},
	fragmentsControl: {{"violations/5.1 a ping in two fragments", `is sent pong "one "`}},
	longControl:      {{"violations/2.5 a ping of 126 bytes", noClose}},
	takesOrphans:     {{"violations/5.9 a continuation of nothing", noClose}},
	nestsMessages:    {{"violations/5.18 a text within a message", noClose}},
	longerLengths: {
		{"violations/length 5 in 16 bits", noClose},
		{"violations/length 300 in 64 bits", noClose},
	},
	topBitIsTooBig:   {{"violations/a length with its top bit set", "closes with 1009, want [1002]"}},
	limitsFramesOnly: {{"violations/100 fragments, one byte too long together", noClose}},
	laxLimit: {
		{"violations/a text one byte too long", noClose},
		{"violations/a message of max_message and one more byte", noClose},
	},
	readsBeforeRefusing: {{"violations/a text one byte too long, of which only the header comes", noClose}},
	headerInOneRead:     {{"framing/5.8 two fragments with a ping between, a byte a segment", "waits for"}},
	masksItsFrames:      {{"relay/text arrives byte for byte", "masked frame"}},
	longLengths:         {{"relay/text arrives byte for byte", "server sent"}},
}
