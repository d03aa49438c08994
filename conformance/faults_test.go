package conformance_test

// fault is one thing that the reference server does wrong.
type fault string

const noFault fault = ""

// Faults of the handshake.
const (
	wrongAccept      fault = "wrong accept"
	upgradesAnything fault = "upgrades anything"
	bareRefusals     fault = "refuses without a header"
	anyVersion       fault = "any version"
	anyKey           fault = "any key"
	acceptsBodies    fault = "accepts bodies"
	anyOrigin        fault = "any origin"
	originPrefix     fault = "compares prefixes of origins"
	anySubprotocol   fault = "any subprotocol"
	anyRoomName      fault = "any room name"
	anyHistory       fault = "any history"
	losesEarlyBytes  fault = "loses early bytes"
)

// Faults of the room.
const (
	echoesToSender   fault = "echoes to the sender"
	oneRoomForAll    fault = "one room for all"
	sendsWelcome     fault = "sends a welcome"
	announcesJoins   fault = "announces joins"
	announcesLeaves  fault = "announces leaves"
	losesMessages    fault = "loses messages"
	doublesMessages  fault = "doubles messages"
	reordersMessages fault = "reorders messages"
	skipsOneClient   fault = "skips one client"
	dropsEmpty       fault = "drops empty messages"
	trimsText        fault = "trims text"
	binaryAsText     fault = "relays binary as text"
	binaryInHistory  fault = "records binary"
	historyBackwards fault = "history backwards"
	historyUnasked   fault = "history unasked"
	historyShort     fault = "history one short"
)

// Faults of the socket.
const (
	skipsUTF8                fault = "skips the UTF-8 check"
	checksEachFragment       fault = "checks each fragment's UTF-8"
	relaysFragments          fault = "relays fragments as messages"
	sendsNoPongs             fault = "sends no pongs"
	sendsNoPings             fault = "sends no pings"
	emptyPongs               fault = "empty pongs"
	relaysPongs              fault = "relays pongs"
	anyClose                 fault = "accepts any close frame"
	closesWithoutCode        fault = "answers a close frame without its code"
	closesWith1000           fault = "always closes with 1000"
	readsAfterClose          fault = "reads after a close frame"
	neverEndsConnection      fault = "never ends the connection"
	violationEndsRoom        fault = "a violation ends the room"
	ignoresReserved          fault = "ignores reserved bits"
	ignoresOpcodes           fault = "accepts any opcode"
	acceptsUnmasked          fault = "accepts unmasked frames"
	acceptsFragmentedControl fault = "accepts fragmented control frames"
	acceptsLongControl       fault = "accepts long control frames"
	acceptsOrphans           fault = "accepts orphaned continuations"
	acceptsNested            fault = "accepts messages within messages"
	acceptsLongLengths       fault = "accepts lengths longer than needed"
	topBitIsSize             fault = "treats the top bit as size"
	limitsFramesOnly         fault = "limits frames only"
	limitOneTooHigh          fault = "a limit one byte too high"
	readsBeforeRefusing      fault = "reads before it refuses"
	headerInOneRead          fault = "expects the header in one read"
	masksItsFrames           fault = "masks its frames"
	longLengths              fault = "sends lengths longer than needed"
)

// finding is a case that must fail, and a part of its failure message.
type finding struct{ name, says string }

const noClose = "waits for a close frame: "

// faults lists the cases that must find each fault.
var faults = map[fault][]finding{
	wrongAccept: {{"handshake/the RFC's example key gets the RFC's example answer", "Sec-WebSocket-Accept is"}},
	upgradesAnything: {
		{"handshake/POST", "status is 101"},
		{"handshake/HTTP/1.0", "status is 101"},
		{"handshake/Upgrade without Connection", "status is 101"},
	},
	bareRefusals: {
		{"handshake/plain GET", `comes with Upgrade []`},
		{"handshake/plain GET is answered with Connection: Upgrade too", `comes with Connection []`},
		{"handshake/version 8", `comes with Sec-WebSocket-Version []`},
	},
	anyVersion: {
		{"handshake/version 8", "status is 101"},
		{"handshake/version that is not a number", "status is 101"},
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
	acceptsBodies: {
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
		{"rooms/history that is a word", "status is 101"},
		{"rooms/history below zero", "status is 101"},
		{"rooms/history with something after the number", "status is 101"},
	},
	losesEarlyBytes: {
		{"early/a frame in the segment of the handshake", `waits for text "early"`},
		{"early/a violation in the segment of the handshake", noClose},
	},

	echoesToSender: {
		{"relay/text reaches every other client and never its sender", `ann receives text "one", want text "two"`},
		{"relay/binary reaches every other client and never its sender", "receives binary"},
		{"relay/a message of the only client in a room goes to nobody", `receives text "anybody?"`},
		{"broadcast/every client receives every message exactly once and all in one order", "client 0:"},
	},
	oneRoomForAll:  {{"relay/rooms are isolated", "inside"}},
	sendsWelcome:   {{"relay/nothing but messages is sent", "welcome"}},
	announcesJoins: {{"relay/nothing but messages is sent", "somebody joined"}},
	announcesLeaves: {
		{"relay/nothing but messages is sent", "somebody left"},
		{"relay/a connection that ends within a frame does not disturb others", "somebody left"},
		{"control/ending the connection without a close frame", "somebody left"},
	},
	losesMessages: {
		{"relay/messages arrive in the order they were sent", `want text "message 49"`},
		{"broadcast/every client receives every message exactly once and all in one order", "did not receive what"},
	},
	doublesMessages: {
		{"relay/messages arrive in the order they were sent", `receives text "message 49", want text "message 50"`},
		// Whether others miss what comes last depends on who is quicker.
		{"broadcast/every client receives every message exactly once and all in one order", "which sends the end marker: message 50 is"},
	},
	reordersMessages: {
		{"relay/messages arrive in the order they were sent", `receives text "message 40", want text "message 39"`},
	},
	skipsOneClient: {
		{"broadcast/every client receives every message exactly once and all in one order", "client 6: "},
	},
	dropsEmpty: {
		{"framing/a text of 0 bytes", `text ""`},
		{"framing/a binary message of 0 bytes", `binary ""`},
	},
	trimsText: {{"relay/text arrives byte for byte", `want text " spaces`}},
	binaryAsText: {
		{"framing/a binary message of 125 bytes", "receives text"},
		{"relay/text and binary keep their order", "want binary"},
	},
	binaryInHistory:  {{"history/binary is not in it", "receives text \"no\""}},
	historyBackwards: {{"history/the last texts come first, in order", `receives text "text 9", want text "text 7"`}},
	historyUnasked:   {{"history/nothing comes unless it is asked for", `want text "live"`}},
	historyShort:     {{"history/it holds what the same client sent before it left", "waits for text"}},

	skipsUTF8: {
		{"unicode/6.6.3 one of two bytes", noClose},
		{"unicode/6.18.1 first surrogate, one byte a fragment", noClose},
		{"unicode/6.15.2 overlong slash in three bytes", noClose},
		{"unicode/a character cut short by an empty last fragment", noClose},
	},
	checksEachFragment: {{"unicode/6.5.1 Greek, one byte a fragment", "κόσμε"}},
	relaysFragments:    {{"framing/5.3 two fragments", `receives text "f`}},
	sendsNoPongs:       {{"control/a ping with a text", "waits for pong"}},
	emptyPongs:         {{"control/a ping with a text", `receives pong "", want`}},
	relaysPongs:        {{"relay/pings and pongs are not relayed", "ben receives pong"}},
	sendsNoPings:       {{"control/a silent client is pinged, and stays while it answers", "waits for a ping"}},
	anyClose: {
		{"closing/7.3.2 of one byte", noClose},
		{"closing/7.9 code 1005 is a protocol error", "closes with 1005, want [1002]"},
		{"closing/7.5.1 with a reason that is not UTF-8", "closes with 1000, want [1007]"},
	},
	closesWithoutCode: {{"closing/7.7 code 4000 comes back", "closes with 0, want [4000]"}},
	readsAfterClose:   {{"control/what comes after a close frame is ignored", "after the close frame"}},
	neverEndsConnection: {
		{"control/the connection ends once both have closed", "does not end the connection"},
		{"violations/an unmasked text", "does not end the connection"},
		{"violations/a client that does not answer the close frame is cut off", "does not end the connection"},
	},
	closesWith1000: {
		{"violations/an unmasked text", "closes with 1000, want [1002]"},
		{"unicode/6.14.1 FE", "closes with 1000, want [1007]"},
		{"violations/a text one byte too long", "closes with 1000, want [1009]"},
	},
	violationEndsRoom: {{"violations/an unmasked text", "server sent close"}},
	ignoresReserved: {
		{"violations/3.1 RSV3", noClose},
		{"violations/3.6 RSV1 on a ping", `receives pong "reserved"`},
	},
	ignoresOpcodes: {
		{"violations/4 opcode 0X3", noClose},
		{"violations/4 opcode 0XB without payload, within a message", noClose},
	},
	acceptsUnmasked: {
		{"violations/an unmasked text", noClose},
		{"violations/an unmasked close frame", "closes with 1000, want [1002]"},
	},
	acceptsFragmentedControl: {{"violations/5.1 a ping in two fragments", `receives pong "one "`}},
	acceptsLongControl:       {{"violations/2.5 a ping of 126 bytes", noClose}},
	acceptsOrphans:           {{"violations/5.9 a continuation without a message", noClose}},
	acceptsNested:            {{"violations/5.18 a text within a message", noClose}},
	acceptsLongLengths: {
		{"violations/length 5 in 16 bits", noClose},
		{"violations/length 300 in 64 bits", noClose},
	},
	topBitIsSize:     {{"violations/a length with its top bit set", "closes with 1009, want [1002]"}},
	limitsFramesOnly: {{"violations/100 fragments, one byte too long together", noClose}},
	limitOneTooHigh: {
		{"violations/a text one byte too long", noClose},
		{"violations/a message of max_message and one more byte", noClose},
	},
	readsBeforeRefusing: {{"violations/a text one byte too long, of which only the header comes", noClose}},
	headerInOneRead:     {{"framing/5.8 two fragments with a ping between, one byte a segment", "waits for"}},
	masksItsFrames:      {{"relay/text arrives byte for byte", "masked frame"}},
	longLengths:         {{"relay/text arrives byte for byte", "server sent"}},
}
