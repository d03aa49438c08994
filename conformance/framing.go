package conformance

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Where the tables' demands are written.
const (
	ruleFrame    = "RFC 6455 section 5.2"
	ruleMask     = "RFC 6455 section 5.1"
	ruleFragment = "RFC 6455 section 5.4"
	ruleControl  = "RFC 6455 section 5.5"
	ruleTooBig   = "issue 2; RFC 6455 sections 7.4.1 and 10.4"
)

// framing holds sound messages, however they are cut into frames and segments.
var framing = []exchange{
	{
		name: "5.3 two fragments", rule: ruleFragment,
		send:  []frame{text("fragment 1, ").unfinished(), continuation("fragment 2")},
		heard: hear("fragment 1, fragment 2"),
	},
	{
		name: "5.5 two fragments, a byte a segment", rule: ruleFragment, segment: 1,
		send:  []frame{text("fragment 1, ").unfinished(), continuation("fragment 2")},
		heard: hear("fragment 1, fragment 2"),
	},
	{
		name: "5.6 two fragments with a ping between", rule: ruleFragment,
		send:  []frame{text("fragment 1, ").unfinished(), pingFrame("ping"), continuation("fragment 2")},
		heard: hear("fragment 1, fragment 2"), pongs: []string{"ping"},
	},
	{
		name: "5.8 two fragments with a ping between, a byte a segment", rule: ruleFragment, segment: 1,
		send:  []frame{text("fragment 1, ").unfinished(), pingFrame("ping"), continuation("fragment 2")},
		heard: hear("fragment 1, fragment 2"), pongs: []string{"ping"},
	},
	{
		name: "5.19 five fragments with a ping between each", rule: ruleFragment,
		send: []frame{
			text("1").unfinished(), pingFrame("a"), continuation("2").unfinished(), pingFrame("b"),
			continuation("3").unfinished(), pingFrame("c"), continuation("4").unfinished(), pingFrame("d"), continuation("5"),
		},
		heard: hear("12345"), pongs: []string{"a", "b", "c", "d"},
	},
	{
		name: "6.1.2 three empty fragments", rule: ruleFragment,
		send:  []frame{text("").unfinished(), continuation("").unfinished(), continuation("")},
		heard: hear(""),
	},
	{
		name: "6.1.3 empty fragments around one that is not", rule: ruleFragment,
		send:  []frame{text("").unfinished(), continuation("middle").unfinished(), continuation("")},
		heard: hear("middle"),
	},
	{
		name: "binary in fragments", rule: ruleFragment,
		send:  split(opBinary, []byte{0xff, 0, 0xfe, 1, 0xfd}, 2),
		heard: hearBinary([]byte{0xff, 0, 0xfe, 1, 0xfd}),
	},
	{
		name: "several messages in one segment", rule: ruleFrame,
		send:  []frame{text("one"), binaryFrame([]byte("two")), text(""), pingFrame("three"), text("four")},
		heard: slices.Concat(hear("one"), hearBinary([]byte("two")), hear(""), hear("four")), pongs: []string{"three"},
	},
	{
		name: "a message in segments of 1 byte", rule: ruleFrame, segment: 1,
		send:  []frame{text(strings.Repeat("one byte at a time ", 15))},
		heard: hear(strings.Repeat("one byte at a time ", 15)),
	},
	{
		name: "messages in segments of 3 bytes", rule: ruleFrame, segment: 3,
		send:  []frame{text("first"), pingFrame("second"), text("third")},
		heard: slices.Concat(hear("first"), hear("third")), pongs: []string{"second"},
	},
	{
		name: "a message in segments of 997 bytes", rule: ruleFrame, segment: 997,
		send:  []frame{binaryFrame(bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7}, 5000))},
		heard: hearBinary(bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7}, 5000)),
	},
}

// sizeCases holds the messages whose size depends on the target's limit, or is
// at an edge of the encoding of lengths.
func sizeCases() []Case {
	var cases []Case
	add := func(name string, run func(*trial)) {
		cases = append(cases, Case{"framing", name, ruleFrame, run})
	}
	for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536} {
		add(fmt.Sprintf("a text of %d bytes", n), func(t *trial) { sized(t, opText, n) })
		add(fmt.Sprintf("a binary message of %d bytes", n), func(t *trial) { sized(t, opBinary, n) })
	}
	add("a text of exactly max_message", func(t *trial) { sized(t, opText, t.target.MaxMessage) })
	add("a binary message of exactly max_message", func(t *trial) { sized(t, opBinary, t.target.MaxMessage) })
	add("max_message in 100 fragments", func(t *trial) { fragmented(t, 0) })
	add("max_message in 100 fragments with pings between", func(t *trial) { fragmented(t, 10) })
	add("max_message in a single byte and the rest", func(t *trial) {
		max := letters(t.target.MaxMessage)
		exchange{
			send:  []frame{{opcode: opText, payload: max[:1], more: true}, continuation(string(max[1:]))},
			heard: []event{{opText, max}},
		}.run(t)
	})
	return cases
}

// letters returns n bytes of text in which a lost or doubled piece shows.
func letters(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte((i+i/26+i/1009)%26)
	}
	return b
}

func sized(t *trial, opcode byte, n int) {
	if n > t.target.MaxMessage {
		t.Skipf("the target accepts no more than %d bytes", t.target.MaxMessage)
	}
	b := letters(n)
	exchange{
		send:  []frame{{opcode: opcode, payload: b}},
		heard: []event{{opcode, b}},
	}.run(t)
}

// fragmented sends max_message in 100 fragments, with a ping behind each of the
// first few.
func fragmented(t *trial, pings int) {
	max := letters(t.target.MaxMessage)
	x := exchange{heard: []event{{opText, max}}}
	for i, f := range split(opText, max, (len(max)+99)/100) {
		x.send = append(x.send, f)
		if i < pings {
			x.pongs = append(x.pongs, fmt.Sprint("ping ", i))
			x.send = append(x.send, pingFrame(x.pongs[i]))
		}
	}
	x.run(t)
}
