package conformance

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// relayRule is where the raw dialect is drawn up.
const relayRule = "design: one room, two dialects"

func relayCases() []Case {
	return []Case{
		{"relay", "text reaches every other member and never its sender", relayRule, textToOthers},
		{"relay", "binary reaches every other member and never its sender", relayRule, binaryToOthers},
		{"relay", "text arrives byte for byte", relayRule, textBytes},
		{"relay", "messages arrive in the order they were sent", relayRule, order},
		{"relay", "text and binary keep their order", relayRule, mixedOrder},
		{"relay", "all members hear several speakers in one order", relayRule, oneOrder},
		{"relay", "rooms are isolated", relayRule, isolation},
		{"relay", "who is alone in a room speaks into the air", relayRule, alone},
		{"relay", "nothing is ever sent unasked", relayRule, nothingUnasked},
		{"relay", "pings and pongs stay between client and server", relayRule, controlIsPrivate},
		{"relay", "who left hears and says nothing more", relayRule, afterLeaving},
		{"relay", "two members leaving in mid-frame disturb nobody", "issue 2", leaveMidFrame},
		{"relay", "a member leaving in mid-message disturbs nobody", "issue 2", leaveMidMessage},
		{"relay", "a member that resets its connection disturbs nobody", "issue 2", leaveByReset},
	}
}

// trio joins three members to the trial's room.
func (t *trial) trio() (ann, ben, cat *client) {
	t.Helper()
	return t.join("ann"), t.join("ben"), t.join("cat")
}

func textToOthers(t *trial) {
	ann, ben, cat := t.trio()
	ann.say("one")
	ben.expectText("one")
	cat.expectText("one")
	ben.say("two")
	ann.expectText("two") // and not her own "one" before it
	cat.expectText("two")
	cat.say("three")
	ann.expectText("three")
	ben.expectText("three")
}

func binaryToOthers(t *trial) {
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	ann, ben, cat := t.trio()
	ann.send(binaryFrame(all))
	ben.expect(opBinary, all)
	cat.expect(opBinary, all)
	ben.send(binaryFrame(all[:1]))
	ann.expect(opBinary, all[:1])
	cat.expect(opBinary, all[:1])
}

// textBytes sends what a journal of JSON, a template or a trimmer might change.
func textBytes(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	for _, s := range []string{
		"0",
		"null",
		`{"type":"send", "room":"elsewhere", "body":1.0}`,
		`"quoted"`,
		`back\slash \u0041 \n`,
		" spaces around \t\r\n",
		"line\u2028and paragraph\u2029 separators",
		"<script>&amp;</script>",
		"zero \x00 and \x01 and \x7f",
		"\ufeffbyte order mark",
		"\uFFFD replacement, \uFFFE none, \U0010FFFF last",
		"e\u0301 is not \u00e9",
		"你好，世界 👩‍👩‍👧‍👦",
	} {
		ann.say(s)
		ben.expectText(s)
	}
}

func order(t *trial) {
	ann, ben, cat := t.trio()
	const n = 500
	var texts []string
	var frames []frame
	for i := range n {
		texts = append(texts, fmt.Sprint("message ", i))
		frames = append(frames, text(texts[i]))
	}
	ann.send(frames...)
	ben.expectText(texts...)
	cat.expectText(texts...)
}

func mixedOrder(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	var frames []frame
	for i := range 200 {
		f := frame{opcode: opText, payload: fmt.Append(nil, "message ", i)}
		if i%3 == 1 {
			f.opcode = opBinary
		}
		frames = append(frames, f)
	}
	ann.send(frames...)
	for _, f := range frames {
		ben.expect(f.opcode, f.payload)
	}
}

// oneOrder has three speak at once while two listen.
func oneOrder(t *trial) {
	ann, ben, cat := t.trio()
	dan, eve := t.join("dan"), t.join("eve")
	const each = 50
	for i := range each {
		for _, c := range []*client{ann, ben, cat} {
			c.say(fmt.Sprint(c.name, " ", i))
		}
	}
	said := map[string]int{}
	for range 3 * each {
		e, err := dan.nextHeard()
		if err != nil {
			t.Fatalf("dan listens: %v", err)
		}
		eve.expect(e.opcode, e.payload)
		who, _, _ := strings.Cut(string(e.payload), " ")
		if want := fmt.Sprint(who, " ", said[who]); string(e.payload) != want {
			t.Fatalf("dan hears %v, want %q", e, want)
		}
		said[who]++
	}
}

func isolation(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	for _, other := range []string{t.query() + "x", strings.ToLower(t.query()), t.query() + "%20"} {
		stranger := t.joinWith("stranger", other)
		ann.say("inside")
		ben.expectText("inside")
		stranger.say("outside")
		stranger.send(binaryFrame([]byte("outside")))
		stranger.leave() // has heard nothing, or would hear it before the end
		talk(ben, ann)
	}
}

func alone(t *trial) {
	ann := t.join("ann")
	ann.say("anybody?")
	ann.send(binaryFrame([]byte("anybody?")))
	ann.leave() // an echo would come before the end
}

// nothingUnasked has members come, go and talk: no welcome, no notice of who
// comes and goes, no receipt may be sent.
func nothingUnasked(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	cat := t.join("cat")
	ann.say("hello")
	ben.expectText("hello")
	cat.expectText("hello")
	cat.leave()
	dan := t.join("dan")
	dan.vanish()
	ann.say("who is there?")
	ben.expectText("who is there?")
	ben.say("only me")
	ann.expectText("only me")
}

func controlIsPrivate(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.ping("mine")
	ann.send(pongFrame("unasked"))
	ann.expectPong("mine")
	ann.say("after")
	timeout := time.Now().Add(ben.patience)
	for {
		e, err := ben.inbox.next(timeout)
		switch {
		case err != nil:
			t.Fatalf("ben listens: %v", err)
		case e.opcode == opPong, string(e.payload) == "mine":
			t.Fatalf("ben is sent %v", e)
		case e.heard():
			talk(ben, ann)
			return
		}
	}
}

func afterLeaving(t *trial) {
	ann, ben, cat := t.trio()
	ben.leave()
	talk(ann, cat)
	ben = t.join("ben, back again")
	cat.say("welcome back")
	ben.expectText("welcome back") // and nothing of what was said meanwhile
	ann.expectText("welcome back")
}

func leaveMidFrame(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	whole := appendFrames(nil, text(strings.Repeat("never finished ", 40)))
	for _, cut := range []int{1, 3, 7, 100} { // in the head, the length, the mask and the payload
		eve, fay := t.join("eve"), t.join("fay")
		for _, c := range []*client{eve, fay} {
			if err := c.write(whole[:cut]); err != nil {
				t.Fatalf("%s sends: %v", c.name, err)
			}
			c.vanish()
		}
		talk(ann, ben)
	}
}

func leaveMidMessage(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	eve := t.join("eve")
	eve.send(text("the beginning and ").unfinished(), continuation("the middle").unfinished())
	eve.ping("sent")
	eve.expectPong("sent")
	eve.vanish()
	talk(ann, ben)

	fay := t.join("fay")
	fay.send(text("begun").unfinished())
	fay.leave() // a close frame may come between fragments
	talk(ann, ben)
}

// leaveByReset leaves with RST, which servers meet as an error of the socket.
func leaveByReset(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	eve := t.join("eve")
	if tcp, ok := eve.conn.(*net.TCPConn); ok {
		if err := tcp.SetLinger(0); err != nil {
			t.Fatalf("set linger: %v", err)
		}
	}
	eve.vanish()
	talk(ann, ben)
	talk(ben, ann)
}
