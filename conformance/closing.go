package conformance

import (
	"fmt"
	"strings"
)

// Codes that a client may send (section 7.4), and that come back to it.
var echoed = []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999}

// Codes that must not be sent: out of range, reserved, or defined by nobody.
var unsendable = []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}

// closingTable holds close frames, good and bad.
func closingTable() []exchange {
	const ruleCodes, ruleBody = "RFC 6455 section 7.4", "RFC 6455 section 5.5.1"
	table := []exchange{
		{
			name: "7.3.1 without a code", rule: ruleBody,
			send: []frame{closeFrame()}, codes: closed(0, codeNormal),
		},
		{
			name: "7.3.2 of one byte", rule: ruleBody,
			send: []frame{closeFrame(0x03)}, codes: closed(codeProtocolError),
		},
		{
			name: "7.3.5 with a reason of 123 bytes", rule: ruleBody,
			send: []frame{closeWith(codeNormal, strings.Repeat("r", 123))}, codes: closed(codeNormal),
		},
		{
			name: "7.3.6 with a reason of 124 bytes", rule: ruleControl,
			send: []frame{closeWith(codeNormal, strings.Repeat("r", 124))}, codes: closed(codeProtocolError),
		},
		{
			name: "with a reason in Chinese", rule: ruleBody,
			send: []frame{closeWith(codeNormal, "再见")}, codes: closed(codeNormal),
		},
		{
			name: "7.5.1 with a reason that is not UTF-8", rule: ruleUTF8,
			send: []frame{closeWith(codeNormal, "κόσμε\xed\xa0\x80")}, codes: closed(codeNotUTF8),
		},
		{
			name: "with a reason cut within a character", rule: ruleUTF8,
			send: []frame{closeWith(codeNormal, "bye \xe5\x86")}, codes: closed(codeNotUTF8),
		},
		{
			name: "in segments of 1 byte", rule: ruleFrame, segment: 1,
			send: []frame{closeWith(codeNormal, "slowly")}, codes: closed(codeNormal),
		},
		{
			name: "behind a message", rule: ruleBody,
			send: []frame{text("last words"), closeWith(codeNormal, "")}, heard: hear("last words"), codes: closed(codeNormal),
		},
		{
			name: "7.1.5 between fragments", rule: ruleFragment,
			send:  []frame{text("begun").unfinished(), closeWith(codeNormal, ""), continuation("never")},
			codes: closed(codeNormal),
		},
	}
	for _, code := range echoed {
		table = append(table, exchange{
			name: fmt.Sprintf("7.7 code %d comes back", code), rule: ruleCodes,
			send: []frame{closeWith(code, "a reason")}, codes: closed(code),
		})
	}
	for _, code := range unsendable {
		table = append(table, exchange{
			name: fmt.Sprintf("7.9 code %d is a protocol error", code), rule: ruleCodes,
			send: []frame{closeWith(code, "")}, codes: closed(codeProtocolError),
		})
	}
	return table
}
