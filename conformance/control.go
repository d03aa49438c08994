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
		{"control", "a silent member is pinged, and stays while it answers", "issue 2: ping_interval", heartbeat},
		{"control", "the connection ends once both have closed", "RFC 6455 section 7.1.1", closeEnds},
		{"control", "what comes behind a close frame is ignored", "RFC 6455 section 5.5.1", afterClose},
		{"control", "hanging up without a close frame", "RFC 6455 section 7.1.5", hangUp},
	}
	for _, p := range []struct{ name, payload string }{
		{"a ping without payload", ""},
		{"a ping with a text", "still there?"},
		{"a ping whose payload is not UTF-8", "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"},
		{"a ping of 125 bytes, the most there are", strings.Repeat("p", maxControl)},
	} {
		cases = append(cases, Case{"control", p.name, pongRule, func(t *trial) {
			ann, ben := t.join("ann"), t.join("ben")
			ann.ping(p.payload)
			ann.expectPong(p.payload)
			talk(ann, ben)
		}})
	}
	return cases
}

// pingBetween waits for each pong before it sends the next fragment: a server
// that answers only when the message is whole would never do so.
func pingBetween(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.send(text("one, ").unfinished())
	ann.ping("first")
	ann.expectPong("first")
	ann.send(continuation("two, ").unfinished())
	ann.ping("second")
	ann.expectPong("second")
	ann.send(continuation("three"))
	ben.expectText("one, two, three")
	talk(ben, ann)
}

// pingsInARow need not be answered one by one, but the last one must be.
func pingsInARow(t *trial) {
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

func unsolicitedPong(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.send(pongFrame(""), pongFrame(strings.Repeat("p", maxControl)))
	ann.send(text("one and ").unfinished(), pongFrame("between"), continuation("two"))
	ben.expectText("one and two")
	talk(ben, ann)
}

func heartbeat(t *trial) {
	interval := t.target.PingInterval
	if interval == 0 || interval > t.target.Patience/4 {
		t.Skipf("the server's ping interval is %v, too long to wait for", interval)
	}
	ann := t.join("ann")
	for range 3 { // a server that missed the pongs would have given up by now
		ann.expectPing()
	}
	talk(ann, t.join("ben"))
}

func closeEnds(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.send(closeWith(codeNormal, "good night"))
	ann.expectCode(codeNormal)
	ann.expectEnd()
	cat := t.join("cat")
	talk(ben, cat)
}

func afterClose(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.send(
		closeWith(codeNormal, ""),
		text("too late"),
		binaryFrame([]byte("too late")),
		pingFrame("too late"),
		text("a violation, but nobody listens").bare(),
		closeWith(codeProtocolError, "again"),
	)
	ann.expectCode(codeNormal)
	ann.expectEnd()
	talk(ben, t.join("cat"))
	talk(t.join("dan"), ben)
}

func hangUp(t *trial) {
	ann, ben, cat := t.trio()
	cat.vanish()
	talk(ann, ben)
	talk(ben, ann)
}
