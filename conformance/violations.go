package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// violationTable holds what ends a connection with 1002, with something that
// must not be relayed behind most of it.
func violationTable() []exchange {
	return slices.Concat(
		protocolErrors(headers),
		protocolErrors(reservedOpcodes()),
		protocolErrors(controlFrames),
		protocolErrors(sequences),
		[]exchange{{
			name: "what came before a violation is still relayed", rule: ruleFrame,
			send:  []frame{text("before"), text("reserved").reserve(1), text("behind")},
			heard: hear("before"), codes: closed(codeProtocolError),
		}},
	)
}

// protocolErrors fills in how a server answers each of these.
func protocolErrors(table []exchange) []exchange {
	for i := range table {
		table[i].codes = closed(codeProtocolError)
	}
	return table
}

var headers = []exchange{
	{name: "an unmasked text", rule: ruleMask, send: []frame{text("unmasked").bare()}},
	{name: "an unmasked binary message", rule: ruleMask, send: []frame{binaryFrame([]byte("unmasked")).bare()}},
	{name: "an unmasked empty text", rule: ruleMask, send: []frame{text("").bare(), text("behind")}},
	{name: "an unmasked ping", rule: ruleMask, send: []frame{pingFrame("unmasked").bare()}},
	{name: "an unmasked close frame", rule: ruleMask, send: []frame{closeWith(codeNormal, "").bare()}},
	{name: "an unmasked continuation", rule: ruleMask, send: []frame{text("masked").unfinished(), continuation("not").bare()}},

	{name: "3.1 RSV3", rule: ruleFrame, send: []frame{text("reserved").reserve(1)}},
	{name: "3.2 RSV2", rule: ruleFrame, send: []frame{text("reserved").reserve(2), text("behind")}},
	{name: "3.4 RSV1, which no extension uses", rule: ruleFrame, send: []frame{text("reserved").reserve(4), text("behind")}},
	{name: "3.5 all bits on binary", rule: ruleFrame, send: []frame{binaryFrame([]byte("reserved")).reserve(7)}},
	{name: "3.6 RSV1 on a ping", rule: ruleFrame, send: []frame{pingFrame("reserved").reserve(4)}},
	{name: "3.7 RSV1 on a close frame", rule: ruleFrame, send: []frame{closeWith(codeNormal, "").reserve(4)}},
	{name: "RSV1 on a continuation", rule: ruleFrame, send: []frame{text("a").unfinished(), continuation("b").reserve(4)}},
	{name: "RSV3, a byte a segment", rule: ruleFrame, segment: 1, send: []frame{text("reserved").reserve(1)}},

	{name: "length 5 in 16 bits", rule: ruleFrame, send: []frame{text("hello").lengthIn(16)}},
	{name: "length 125 in 16 bits", rule: ruleFrame, send: []frame{text(strings.Repeat("l", 125)).lengthIn(16)}},
	{name: "length 0 in 16 bits", rule: ruleFrame, send: []frame{text("").lengthIn(16), text("behind")}},
	{name: "length 5 in 64 bits", rule: ruleFrame, send: []frame{text("hello").lengthIn(64)}},
	{name: "length 300 in 64 bits", rule: ruleFrame, send: []frame{text(strings.Repeat("l", 300)).lengthIn(64)}},
	{name: "length 65535 in 64 bits", rule: ruleFrame, send: []frame{binaryFrame(make([]byte, 65535)).lengthIn(64)}},
	{name: "a length with its top bit set", rule: ruleFrame, send: []frame{text("").announcing(1<<63 | 5), text("behind")}},
	{name: "a length of all bits", rule: ruleFrame, send: []frame{binaryFrame(nil).announcing(1<<64 - 1)}},
}

// reservedOpcodes are for frames yet to be defined.
func reservedOpcodes() []exchange {
	var table []exchange
	for _, op := range []byte{3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF} {
		table = append(table,
			exchange{
				name: fmt.Sprintf("4 opcode %#X", op), rule: ruleFrame,
				send: []frame{{opcode: op, payload: []byte("reserved")}, text("behind")},
			},
			exchange{
				name: fmt.Sprintf("4 opcode %#X without payload, within a message", op), rule: ruleFrame,
				send: []frame{text("begun").unfinished(), {opcode: op}, continuation("ended")},
			},
		)
	}
	return table
}

var controlFrames = []exchange{
	{name: "2.5 a ping of 126 bytes", rule: ruleControl, send: []frame{pingFrame(strings.Repeat("p", 126))}},
	{name: "a pong of 126 bytes", rule: ruleControl, send: []frame{pongFrame(strings.Repeat("p", 126))}},
	{name: "a ping of 65536 bytes", rule: ruleControl, send: []frame{pingFrame(strings.Repeat("p", 65536))}},
	{name: "a ping that announces more than any message holds", rule: ruleControl, send: []frame{pingFrame("").announcing(1 << 40)}},
	{name: "5.1 a ping in two fragments", rule: ruleControl, send: []frame{pingFrame("one ").unfinished(), continuation("two")}},
	{name: "5.2 a pong in two fragments", rule: ruleControl, send: []frame{pongFrame("one ").unfinished(), continuation("two")}},
	{name: "a close frame in two fragments", rule: ruleControl, send: []frame{closeWith(codeNormal, "one ").unfinished(), continuation("two")}},
	{name: "a fragmented ping within a message", rule: ruleControl, send: []frame{text("a").unfinished(), pingFrame("p").unfinished(), continuation("b")}},
}

var sequences = []exchange{
	{name: "5.9 a continuation of nothing", rule: ruleFragment, send: []frame{continuation("nothing"), text("behind")}},
	{name: "5.10 a continuation of nothing, unfinished", rule: ruleFragment, send: []frame{continuation("nothing").unfinished(), text("behind")}},
	{name: "5.12 an empty continuation of nothing", rule: ruleFragment, send: []frame{continuation(""), text("behind")}},
	{name: "a continuation of a message that has ended", rule: ruleFragment,
		send: []frame{text("a").unfinished(), continuation("b"), continuation("c")}, heard: hear("ab")},
	{name: "5.18 a text within a message", rule: ruleFragment, send: []frame{text("begun").unfinished(), text("new")}},
	{name: "a binary message within a text", rule: ruleFragment, send: []frame{text("begun").unfinished(), binaryFrame([]byte("new"))}},
	{name: "a new fragmented text within a text", rule: ruleFragment,
		send: []frame{text("begun").unfinished(), text("new").unfinished(), continuation("ended")}},
	{name: "a text within a message that began empty", rule: ruleFragment, send: []frame{text("").unfinished(), text("new")}},
	{name: "a text within a message that began empty, a byte a segment", rule: ruleFragment, segment: 1,
		send: []frame{text("").unfinished(), text("new")}},
}

// violationCases are those that depend on the target, or on what the violator
// does next.
func violationCases() []Case {
	var cases []Case
	add := func(name, rule string, run func(*trial)) {
		cases = append(cases, Case{"violations", name, rule, run})
	}
	for _, s := range oversizes {
		add(s.name, ruleTooBig, func(t *trial) {
			exchange{send: s.send(t.target.MaxMessage), codes: closed(codeTooBig)}.run(t)
		})
	}
	add("who does not answer the close frame is cut off all the same", "RFC 6455 section 7.1.7", ignoresClose)
	add("who goes on sending after a violation still gets the close frame", "RFC 6455 section 7.1.7", talksOn)
	return cases
}

// oversizes are messages one byte too long, or more, for a server that accepts
// max bytes.
var oversizes = []struct {
	name string
	send func(max int) []frame
}{
	{"a text one byte too long", func(max int) []frame {
		return []frame{{opcode: opText, payload: letters(max + 1)}}
	}},
	{"a text one byte too long, of which only the header comes", func(max int) []frame {
		return []frame{text("").announcing(uint64(max) + 1)}
	}},
	{"a binary message one byte too long, of which only the header comes", func(max int) []frame {
		return []frame{binaryFrame(nil).announcing(uint64(max) + 1)}
	}},
	{"a text of 2^63-1 bytes, of which only the header comes", func(int) []frame {
		return []frame{text("").announcing(1<<63 - 1)}
	}},
	{"100 fragments, one byte too long together", func(max int) []frame {
		return split(opText, letters(max+1), (max+100)/100)
	}},
	{"a last fragment one byte too long, of which only the header comes", func(max int) []frame {
		return []frame{
			{opcode: opBinary, payload: letters(max - 10), more: true},
			continuation("").announcing(11),
		}
	}},
	{"fragments whose lengths overflow 64 bits together", func(max int) []frame {
		return []frame{
			{opcode: opBinary, payload: letters(max - 10), more: true},
			continuation("").announcing(1<<63 - 1),
		}
	}},
	{"a message of max_message and one more byte", func(max int) []frame {
		return []frame{{opcode: opText, payload: letters(max), more: true}, continuation("!")}
	}},
}

// ignoresClose violates the protocol and then neither answers nor hangs up.
func ignoresClose(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	eve := t.join("eve")
	eve.send(text("unmasked").bare())
	eve.expectCode(codeProtocolError)
	eve.expectEnd()
	talk(ann, ben)
}

// talksOn has much on its way when the server gives it up. A server that closes
// the socket with that unread resets the connection, and the close frame may be
// lost with it.
func talksOn(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	eve := t.join("eve")
	frames := []frame{text("unmasked").bare()}
	for range 50 {
		frames = append(frames, frame{opcode: opText, payload: letters(t.target.MaxMessage)})
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		eve.sendAnyway(frames...)
	}()
	t.Cleanup(func() {
		eve.vanish()
		<-sent
	})
	eve.expectCode(codeProtocolError)
	talk(ann, ben)
}
