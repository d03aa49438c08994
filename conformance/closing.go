package conformance

import (
	"fmt"
	"strings"
)

// Codes that a client may send (section 7.4). The server sends them back.
var validCodes = []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999}

// Codes that must not be sent: out of range, reserved, or not defined.
var invalidCodes = []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}

// closingTable holds close frames, correct and wrong.
func closingTable() []frameCase {
	const ruleCodes, ruleBody = "RFC 6455 section 7.4", "RFC 6455 section 5.5.1"
	table := []frameCase{
		{
			name: "7.3.1 without a code", rule: ruleBody,
			send: []frame{closeFrame()}, codes: closeCodes(0, codeNormal),
		},
		{
			name: "7.3.2 of one byte", rule: ruleBody,
			send: []frame{closeFrame(0x03)}, codes: closeCodes(codeProtocolError),
		},
		{
			name: "7.3.5 with a reason of 123 bytes", rule: ruleBody,
			send: []frame{closeWith(codeNormal, strings.Repeat("r", 123))}, codes: closeCodes(codeNormal),
		},
		{
			name: "7.3.6 with a reason of 124 bytes", rule: ruleControl,
			send: []frame{closeWith(codeNormal, strings.Repeat("r", 124))}, codes: closeCodes(codeProtocolError),
		},
		{
			name: "with a reason in Chinese", rule: ruleBody,
			send: []frame{closeWith(codeNormal, "再见")}, codes: closeCodes(codeNormal),
		},
		{
			name: "7.5.1 with a reason that is not UTF-8", rule: ruleUTF8,
			send: []frame{closeWith(codeNormal, "κόσμε\xed\xa0\x80")}, codes: closeCodes(codeNotUTF8),
		},
		{
			name: "with a reason cut within a character", rule: ruleUTF8,
			send: []frame{closeWith(codeNormal, "bye \xe5\x86")}, codes: closeCodes(codeNotUTF8),
		},
		{
			name: "in segments of 1 byte", rule: ruleFrame, segment: 1,
			send: []frame{closeWith(codeNormal, "slowly")}, codes: closeCodes(codeNormal),
		},
		{
			name: "after a message", rule: ruleBody,
			send: []frame{text("before the close"), closeWith(codeNormal, "")}, relayed: relayedText("before the close"), codes: closeCodes(codeNormal),
		},
		{
			name: "7.1.5 between fragments", rule: ruleFragment,
			send:  []frame{text("begun").notFinal(), closeWith(codeNormal, ""), continuation("never")},
			codes: closeCodes(codeNormal),
		},
	}
	for _, code := range validCodes {
		table = append(table, frameCase{
			name: fmt.Sprintf("7.7 code %d comes back", code), rule: ruleCodes,
			send: []frame{closeWith(code, "a reason")}, codes: closeCodes(code),
		})
	}
	for _, code := range invalidCodes {
		table = append(table, frameCase{
			name: fmt.Sprintf("7.9 code %d is a protocol error", code), rule: ruleCodes,
			send: []frame{closeWith(code, "")}, codes: closeCodes(codeProtocolError),
		})
	}
	return table
}
