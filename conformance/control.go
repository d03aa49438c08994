package conformance

import (
	"fmt"
	"strings"
)

func controlCases() []Case {
	const pingRule, pongRule = "RFC 6455 section 5.5.2", "RFC 6455 section 5.5.3"
	cases := []Case{
		{"control", "a ping between fragments is answered before the message ends", "RFC 6455 section 5.4", pingBetween},
		{"control", "pings in a row", pingRule, pingsInARow},
		{"control", "an unsolicited pong is ignored", pongRule, unsolicitedPong},
		{"control", "a silent client is pinged, and stays while it answers", "issue 2: ping_interval", serverPings},
		{"control", "the connection ends once both have closed", "RFC 6455 section 7.1.1", closeEnds},
		{"control", "what comes after a close frame is ignored", "RFC 6455 section 5.5.1", afterClose},
		{"control", "ending the connection without a close frame", "RFC 6455 section 7.1.5", noCloseFrame},
	}
	for _, p := range []struct{ name, payload string }{
		{"a ping without payload", ""},
		{"a ping with a text", "still there?"},
		{"a ping whose payload is not UTF-8", "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"},
		{"a ping of 125 bytes, the most that is allowed", strings.Repeat("p", maxControl)},
	} {
		cases = append(cases, Case{"control", p.name, pongRule, func(t *caseRun) {
			ann, ben := t.join("ann"), t.join("ben")
			ann.ping(p.payload)
			ann.expectPong(p.payload)
			expectRelay(ann, ben)
		}})
	}
	return cases
}

// pingBetween waits for each pong before it sends the next fragment. A server
// that answers only when the message is whole fails.
func pingBetween(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.send(text("one, ").notFinal())
	ann.ping("first")
	ann.expectPong("first")
	ann.send(continuation("two, ").notFinal())
	ann.ping("second")
	ann.expectPong("second")
	ann.send(continuation("three"))
	ben.expectText("one, two, three")
	expectRelay(ben, ann)
}

// pingsInARow lets the server leave out pongs, except that for the last ping.
func pingsInARow(t *caseRun) {
	ann := t.join("ann")
	var pings []frame
	for i := range 10 {
		pings = append(pings, pingFrame(fmt.Sprint("ping ", i)))
	}
	ann.send(pings...)
	for {
		e, err := ann.nextPong()
		if err != nil {
			t.Fatalf("ann waits for the last pong: %v", err)
		}
		if string(e.payload) == "ping 9" {
			return
		}
	}
}

func unsolicitedPong(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.send(pongFrame(""), pongFrame(strings.Repeat("p", maxControl)))
	ann.send(text("one and ").notFinal(), pongFrame("between"), continuation("two"))
	ben.expectText("one and two")
	expectRelay(ben, ann)
}

func serverPings(t *caseRun) {
	interval := t.target.PingInterval
	if interval == 0 || interval > t.target.Timeout/4 {
		t.Skipf("the server's ping interval is %v, too long for this case", interval)
	}
	ann := t.join("ann")
	for range 3 { // a server that missed the pongs would have closed by now
		ann.expectPing()
	}
	expectRelay(ann, t.join("ben"))
}

func closeEnds(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.send(closeWith(codeNormal, "good night"))
	ann.expectCode(codeNormal)
	ann.expectEnd()
	cat := t.join("cat")
	expectRelay(ben, cat)
}

func afterClose(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.send(
		closeWith(codeNormal, ""),
		text("too late"),
		binaryFrame([]byte("too late")),
		pingFrame("too late"),
		text("a violation, but the server ignores it").withoutMask(),
		closeWith(codeProtocolError, "again"),
	)
	ann.expectCode(codeNormal)
	ann.expectEnd()
	expectRelay(ben, t.join("cat"))
	expectRelay(t.join("dan"), ben)
}

func noCloseFrame(t *caseRun) {
	ann, ben, cat := t.joinThree()
	cat.hangUp()
	expectRelay(ann, ben)
	expectRelay(ben, ann)
}

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
