package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// violationTable holds what the server answers with a close frame of code 1002.
// Most of it is followed by a message that must not be relayed.
func violationTable() []frameCase {
	return slices.Concat(
		protocolErrors(headers),
		protocolErrors(reservedOpcodes()),
		protocolErrors(controlFrames),
		protocolErrors(sequences),
		[]frameCase{{
			name: "what came before a violation is still relayed", rule: ruleFrame,
			send:    []frame{text("before"), text("reserved").withRSV(1), text("after")},
			relayed: relayedText("before"), codes: closeCodes(codeProtocolError),
		}},
	)
}

// protocolErrors sets the close code of each case to 1002.
func protocolErrors(table []frameCase) []frameCase {
	for i := range table {
		table[i].codes = closeCodes(codeProtocolError)
	}
	return table
}

var headers = []frameCase{
	{name: "an unmasked text", rule: ruleMask, send: []frame{text("unmasked").withoutMask()}},
	{name: "an unmasked binary message", rule: ruleMask, send: []frame{binaryFrame([]byte("unmasked")).withoutMask()}},
	{name: "an unmasked empty text", rule: ruleMask, send: []frame{text("").withoutMask(), text("after")}},
	{name: "an unmasked ping", rule: ruleMask, send: []frame{pingFrame("unmasked").withoutMask()}},
	{name: "an unmasked close frame", rule: ruleMask, send: []frame{closeWith(codeNormal, "").withoutMask()}},
	{name: "an unmasked continuation", rule: ruleMask, send: []frame{text("masked").notFinal(), continuation("not").withoutMask()}},

	{name: "3.1 RSV3", rule: ruleFrame, send: []frame{text("reserved").withRSV(1)}},
	{name: "3.2 RSV2", rule: ruleFrame, send: []frame{text("reserved").withRSV(2), text("after")}},
	{name: "3.4 RSV1, which no extension uses", rule: ruleFrame, send: []frame{text("reserved").withRSV(4), text("after")}},
	{name: "3.5 all bits on binary", rule: ruleFrame, send: []frame{binaryFrame([]byte("reserved")).withRSV(7)}},
	{name: "3.6 RSV1 on a ping", rule: ruleFrame, send: []frame{pingFrame("reserved").withRSV(4)}},
	{name: "3.7 RSV1 on a close frame", rule: ruleFrame, send: []frame{closeWith(codeNormal, "").withRSV(4)}},
	{name: "RSV1 on a continuation", rule: ruleFrame, send: []frame{text("a").notFinal(), continuation("b").withRSV(4)}},
	{name: "RSV3, one byte a segment", rule: ruleFrame, segment: 1, send: []frame{text("reserved").withRSV(1)}},

	{name: "length 5 in 16 bits", rule: ruleFrame, send: []frame{text("hello").withLengthBits(16)}},
	{name: "length 125 in 16 bits", rule: ruleFrame, send: []frame{text(strings.Repeat("l", 125)).withLengthBits(16)}},
	{name: "length 0 in 16 bits", rule: ruleFrame, send: []frame{text("").withLengthBits(16), text("after")}},
	{name: "length 5 in 64 bits", rule: ruleFrame, send: []frame{text("hello").withLengthBits(64)}},
	{name: "length 300 in 64 bits", rule: ruleFrame, send: []frame{text(strings.Repeat("l", 300)).withLengthBits(64)}},
	{name: "length 65535 in 64 bits", rule: ruleFrame, send: []frame{binaryFrame(make([]byte, 65535)).withLengthBits(64)}},
	{name: "a length with its top bit set", rule: ruleFrame, send: []frame{text("").withLength(1<<63 | 5), text("after")}},
	{name: "a length of all bits", rule: ruleFrame, send: []frame{binaryFrame(nil).withLength(1<<64 - 1)}},
}

// reservedOpcodes are those that RFC 6455 keeps for later.
func reservedOpcodes() []frameCase {
	var table []frameCase
	for _, op := range []byte{3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF} {
		table = append(table,
			frameCase{
				name: fmt.Sprintf("4 opcode %#X", op), rule: ruleFrame,
				send: []frame{{opcode: op, payload: []byte("reserved")}, text("after")},
			},
			frameCase{
				name: fmt.Sprintf("4 opcode %#X without payload, within a message", op), rule: ruleFrame,
				send: []frame{text("begun").notFinal(), {opcode: op}, continuation("ended")},
			},
		)
	}
	return table
}

var controlFrames = []frameCase{
	{name: "2.5 a ping of 126 bytes", rule: ruleControl, send: []frame{pingFrame(strings.Repeat("p", 126))}},
	{name: "a pong of 126 bytes", rule: ruleControl, send: []frame{pongFrame(strings.Repeat("p", 126))}},
	{name: "a ping of 65536 bytes", rule: ruleControl, send: []frame{pingFrame(strings.Repeat("p", 65536))}},
	{name: "a ping that announces more than any message holds", rule: ruleControl, send: []frame{pingFrame("").withLength(1 << 40)}},
	{name: "5.1 a ping in two fragments", rule: ruleControl, send: []frame{pingFrame("one ").notFinal(), continuation("two")}},
	{name: "5.2 a pong in two fragments", rule: ruleControl, send: []frame{pongFrame("one ").notFinal(), continuation("two")}},
	{name: "a close frame in two fragments", rule: ruleControl, send: []frame{closeWith(codeNormal, "one ").notFinal(), continuation("two")}},
	{name: "a fragmented ping within a message", rule: ruleControl, send: []frame{text("a").notFinal(), pingFrame("p").notFinal(), continuation("b")}},
}

var sequences = []frameCase{
	{name: "5.9 a continuation without a message", rule: ruleFragment, send: []frame{continuation("alone"), text("after")}},
	{name: "5.10 a continuation without a message, notFinal", rule: ruleFragment, send: []frame{continuation("alone").notFinal(), text("after")}},
	{name: "5.12 an empty continuation of nothing", rule: ruleFragment, send: []frame{continuation(""), text("after")}},
	{name: "a continuation of a message that has ended", rule: ruleFragment,
		send: []frame{text("a").notFinal(), continuation("b"), continuation("c")}, relayed: relayedText("ab")},
	{name: "5.18 a text within a message", rule: ruleFragment, send: []frame{text("begun").notFinal(), text("new")}},
	{name: "a binary message within a text", rule: ruleFragment, send: []frame{text("begun").notFinal(), binaryFrame([]byte("new"))}},
	{name: "a new fragmented text within a text", rule: ruleFragment,
		send: []frame{text("begun").notFinal(), text("new").notFinal(), continuation("ended")}},
	{name: "a text within a message that began empty", rule: ruleFragment, send: []frame{text("").notFinal(), text("new")}},
	{name: "a text within a message that began empty, one byte a segment", rule: ruleFragment, segment: 1,
		send: []frame{text("").notFinal(), text("new")}},
}

// violationCases are those that depend on the target's limit, or on what the
// client does next.
func violationCases() []Case {
	var cases []Case
	add := func(name, rule string, run func(*caseRun)) {
		cases = append(cases, Case{"violations", name, rule, run})
	}
	for _, s := range oversized {
		add(s.name, ruleTooBig, func(t *caseRun) {
			frameCase{send: s.send(t.target.MaxMessage), codes: closeCodes(codeTooBig)}.run(t)
		})
	}
	add("a client that does not answer the close frame is cut off", "RFC 6455 section 7.1.7", ignoresClose)
	add("a client that goes on sending after a violation still receives the close frame", "RFC 6455 section 7.1.7", sendsOn)
	return cases
}

// oversized are messages that are too long for a server that accepts max bytes.
var oversized = []struct {
	name string
	send func(max int) []frame
}{
	{"a text one byte too long", func(max int) []frame {
		return []frame{{opcode: opText, payload: letters(max + 1)}}
	}},
	{"a text one byte too long, of which only the header comes", func(max int) []frame {
		return []frame{text("").withLength(uint64(max) + 1)}
	}},
	{"a binary message one byte too long, of which only the header comes", func(max int) []frame {
		return []frame{binaryFrame(nil).withLength(uint64(max) + 1)}
	}},
	{"a text of 2^63-1 bytes, of which only the header comes", func(int) []frame {
		return []frame{text("").withLength(1<<63 - 1)}
	}},
	{"100 fragments, one byte too long together", func(max int) []frame {
		return split(opText, letters(max+1), (max+100)/100)
	}},
	{"a last fragment one byte too long, of which only the header comes", func(max int) []frame {
		return []frame{
			{opcode: opBinary, payload: letters(max - 10), more: true},
			continuation("").withLength(11),
		}
	}},
	{"fragments whose lengths overflow 64 bits together", func(max int) []frame {
		return []frame{
			{opcode: opBinary, payload: letters(max - 10), more: true},
			continuation("").withLength(1<<63 - 1),
		}
	}},
	{"a message of max_message and one more byte", func(max int) []frame {
		return []frame{{opcode: opText, payload: letters(max), more: true}, continuation("!")}
	}},
}

// ignoresClose breaks the protocol, and then neither answers the close frame nor
// ends the connection.
func ignoresClose(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	eve := t.join("eve")
	eve.send(text("unmasked").withoutMask())
	eve.expectCode(codeProtocolError)
	eve.expectEnd()
	expectRelay(ann, ben)
}

// sendsOn has sent much more when the server decides to close. A server that
// closes the socket before it has read that causes a reset (RST), which can
// destroy the close frame before the client reads it.
func sendsOn(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	eve := t.join("eve")
	frames := []frame{text("unmasked").withoutMask()}
	for range 50 {
		frames = append(frames, frame{opcode: opText, payload: letters(t.target.MaxMessage)})
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		eve.trySend(frames...)
	}()
	t.Cleanup(func() {
		eve.disconnect()
		<-sent
	})
	eve.expectCode(codeProtocolError)
	expectRelay(ann, ben)
}
