package conformance

import (
	"fmt"
	"strings"
)

func earlyCases() []Case {
	const rule = "issue 2: early bytes are fed first"
	return []Case{
		{"early", "a frame right after the handshake", "RFC 6455 section 4.1", frameAtOnce},
		{"early", "a frame in the segment of the handshake", rule, earlyFrame},
		{"early", "half a frame in the segment of the handshake", rule, earlyHalf},
		{"early", "more frames in the segment of the handshake than a buffer holds", rule, earlyFlood},
		{"early", "a violation in the segment of the handshake", rule, earlyViolation},
	}
}

// frameAtOnce speaks without waiting for the server to be ready for it.
func frameAtOnce(t *trial) {
	ann := t.join("ann")
	ben := t.connect("ben", t.query())
	ben.say("at once")
	ann.expectText("at once")
	talk(ann, ben)
}

// early upgrades ben, with these bytes in the segment of the handshake.
func (t *trial) early(b []byte) *client {
	t.Helper()
	t.needHTTP1()
	return t.upgrade("ben", newRequest(t.target, t.query()), b...)
}

func earlyFrame(t *trial) {
	ann := t.join("ann")
	ben := t.early(appendFrames(nil, text("early")))
	ann.expectText("early")
	talk(ann, ben)
}

func earlyHalf(t *trial) {
	ann := t.join("ann")
	b := appendFrames(nil, text("cut by a segment's end"))
	ben := t.early(b[:9])
	if err := ben.write(b[9:]); err != nil {
		t.Fatalf("ben sends the other half: %v", err)
	}
	ann.expectText("cut by a segment's end")
	talk(ann, ben)
}

// earlyFlood sends more than net/http's buffer of 4 KiB, so that some of it is
// found there and the rest in the socket.
func earlyFlood(t *trial) {
	ann := t.join("ann")
	var b []byte
	var texts []string
	for i := range 100 {
		texts = append(texts, fmt.Sprintf("%3d ", i)+strings.Repeat("early ", 20))
		b = text(texts[i]).append(b)
	}
	ben := t.early(b)
	ann.expectText(texts...)
	talk(ann, ben)
}

func earlyViolation(t *trial) {
	ben := t.early(appendFrames(nil, text("unmasked").bare()))
	ben.expectFailed(codeProtocolError)
}
