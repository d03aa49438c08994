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
		{"early", "more frames in the segment of the handshake than a buffer holds", rule, earlyMany},
		{"early", "a violation in the segment of the handshake", rule, earlyViolation},
	}
}

// frameAtOnce sends a frame without a sign that the server is ready for it.
func frameAtOnce(t *caseRun) {
	ann := t.join("ann")
	ben := t.connect("ben", t.query())
	ben.sendText("at once")
	ann.expectText("at once")
	expectRelay(ann, ben)
}

// upgradeWithEarly connects ben and sends b in the segment of the handshake.
func (t *caseRun) upgradeWithEarly(b []byte) *client {
	t.Helper()
	t.needHTTP1()
	return t.upgrade("ben", newRequest(t.target, t.query()), b...)
}

func earlyFrame(t *caseRun) {
	ann := t.join("ann")
	ben := t.upgradeWithEarly(appendFrames(nil, text("early")))
	ann.expectText("early")
	expectRelay(ann, ben)
}

func earlyHalf(t *caseRun) {
	ann := t.join("ann")
	b := appendFrames(nil, text("cut by the end of a segment"))
	ben := t.upgradeWithEarly(b[:9])
	if err := ben.write(b[9:]); err != nil {
		t.Fatalf("ben sends the other half: %v", err)
	}
	ann.expectText("cut by the end of a segment")
	expectRelay(ann, ben)
}

// earlyMany sends more than the 4 KiB of net/http's buffer. The server finds
// some of it in that buffer and the rest in the socket.
func earlyMany(t *caseRun) {
	ann := t.join("ann")
	var b []byte
	var texts []string
	for i := range 100 {
		texts = append(texts, fmt.Sprintf("%3d ", i)+strings.Repeat("early ", 20))
		b = text(texts[i]).append(b)
	}
	ben := t.upgradeWithEarly(b)
	ann.expectText(texts...)
	expectRelay(ann, ben)
}

func earlyViolation(t *caseRun) {
	ben := t.upgradeWithEarly(appendFrames(nil, text("no mask").withoutMask()))
	ben.expectCloseAndEnd(codeProtocolError)
}
