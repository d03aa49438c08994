package conformance

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// framing holds correct messages, cut into frames and segments in many ways.
var framing = []frameCase{
	{
		name: "5.3 two fragments", rule: ruleFragment,
		send:    []frame{text("fragment 1, ").notFinal(), continuation("fragment 2")},
		relayed: relayedText("fragment 1, fragment 2"),
	},
	{
		name: "5.5 two fragments, one byte a segment", rule: ruleFragment, segment: 1,
		send:    []frame{text("fragment 1, ").notFinal(), continuation("fragment 2")},
		relayed: relayedText("fragment 1, fragment 2"),
	},
	{
		name: "5.6 two fragments with a ping between", rule: ruleFragment,
		send:    []frame{text("fragment 1, ").notFinal(), pingFrame("ping"), continuation("fragment 2")},
		relayed: relayedText("fragment 1, fragment 2"), pongs: []string{"ping"},
	},
	{
		name: "5.8 two fragments with a ping between, one byte a segment", rule: ruleFragment, segment: 1,
		send:    []frame{text("fragment 1, ").notFinal(), pingFrame("ping"), continuation("fragment 2")},
		relayed: relayedText("fragment 1, fragment 2"), pongs: []string{"ping"},
	},
	{
		name: "5.19 five fragments with a ping between each", rule: ruleFragment,
		send: []frame{
			text("1").notFinal(), pingFrame("a"), continuation("2").notFinal(), pingFrame("b"),
			continuation("3").notFinal(), pingFrame("c"), continuation("4").notFinal(), pingFrame("d"), continuation("5"),
		},
		relayed: relayedText("12345"), pongs: []string{"a", "b", "c", "d"},
	},
	{
		name: "6.1.2 three empty fragments", rule: ruleFragment,
		send:    []frame{text("").notFinal(), continuation("").notFinal(), continuation("")},
		relayed: relayedText(""),
	},
	{
		name: "6.1.3 empty fragments around one that is not", rule: ruleFragment,
		send:    []frame{text("").notFinal(), continuation("middle").notFinal(), continuation("")},
		relayed: relayedText("middle"),
	},
	{
		name: "binary in fragments", rule: ruleFragment,
		send:    split(opBinary, []byte{0xff, 0, 0xfe, 1, 0xfd}, 2),
		relayed: relayedBinary([]byte{0xff, 0, 0xfe, 1, 0xfd}),
	},
	{
		name: "several messages in one segment", rule: ruleFrame,
		send:    []frame{text("one"), binaryFrame([]byte("two")), text(""), pingFrame("three"), text("four")},
		relayed: slices.Concat(relayedText("one"), relayedBinary([]byte("two")), relayedText(""), relayedText("four")), pongs: []string{"three"},
	},
	{
		name: "a message in segments of 1 byte", rule: ruleFrame, segment: 1,
		send:    []frame{text(strings.Repeat("one byte at a time ", 7))},
		relayed: relayedText(strings.Repeat("one byte at a time ", 7)),
	},
	{
		name: "messages in segments of 3 bytes", rule: ruleFrame, segment: 3,
		send:    []frame{text("first"), pingFrame("second"), text("third")},
		relayed: slices.Concat(relayedText("first"), relayedText("third")), pongs: []string{"second"},
	},
	{
		name: "a message in segments of 997 bytes", rule: ruleFrame, segment: 997,
		send:    []frame{binaryFrame(bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7}, 5000))},
		relayed: relayedBinary(bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7}, 5000)),
	},
}

// sizeCases holds messages whose size is at an edge of the encoding of lengths,
// or depends on the target's limit.
func sizeCases() []Case {
	var cases []Case
	add := func(name string, run func(*caseRun)) {
		cases = append(cases, Case{"framing", name, ruleFrame, run})
	}
	for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536} {
		add(fmt.Sprintf("a text of %d bytes", n), func(t *caseRun) { sized(t, opText, n) })
		add(fmt.Sprintf("a binary message of %d bytes", n), func(t *caseRun) { sized(t, opBinary, n) })
	}
	add("a text of exactly max_message", func(t *caseRun) { sized(t, opText, t.target.MaxMessage) })
	add("a binary message of exactly max_message", func(t *caseRun) { sized(t, opBinary, t.target.MaxMessage) })
	add("max_message in 100 fragments", func(t *caseRun) { fragmented(t, 0) })
	add("max_message in 100 fragments with pings between", func(t *caseRun) { fragmented(t, 10) })
	add("max_message as a single byte and the rest", func(t *caseRun) {
		max := letters(t.target.MaxMessage)
		frameCase{
			send:    []frame{{opcode: opText, payload: max[:1], more: true}, continuation(string(max[1:]))},
			relayed: []event{{opText, max}},
		}.run(t)
	})
	return cases
}

func sized(t *caseRun, opcode byte, n int) {
	if n > t.target.MaxMessage {
		t.Skipf("the target accepts no more than %d bytes", t.target.MaxMessage)
	}
	b := letters(n)
	frameCase{
		send:    []frame{{opcode: opcode, payload: b}},
		relayed: []event{{opcode, b}},
	}.run(t)
}

// fragmented sends max_message in 100 fragments, with a ping after each of the
// first few.
func fragmented(t *caseRun, pings int) {
	max := letters(t.target.MaxMessage)
	x := frameCase{relayed: []event{{opText, max}}}
	for i, f := range split(opText, max, (len(max)+99)/100) {
		x.send = append(x.send, f)
		if i < pings {
			x.pongs = append(x.pongs, fmt.Sprint("ping ", i))
			x.send = append(x.send, pingFrame(x.pongs[i]))
		}
	}
	x.run(t)
}
