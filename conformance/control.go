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
