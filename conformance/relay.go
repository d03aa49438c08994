package conformance

import (
	"fmt"
	"net"
	"strings"
)

func relayCases() []Case {
	return []Case{
		{"relay", "text reaches every other client and never its sender", ruleRelay, textToOthers},
		{"relay", "binary reaches every other client and never its sender", ruleRelay, binaryToOthers},
		{"relay", "text arrives byte for byte", ruleRelay, textBytes},
		{"relay", "messages arrive in the order they were sent", ruleRelay, order},
		{"relay", "text and binary keep their order", ruleRelay, mixedOrder},
		{"relay", "all clients receive the messages of several senders in one order", ruleRelay, oneOrder},
		{"relay", "rooms are isolated", ruleRelay, isolatedRooms},
		{"relay", "a message of the only client in a room goes to nobody", ruleRelay, aloneInRoom},
		{"relay", "nothing but messages is sent", ruleRelay, onlyMessages},
		{"relay", "pings and pongs are not relayed", ruleRelay, controlNotRelayed},
		{"relay", "a client that has left receives nothing", ruleRelay, afterLeaving},
		{"relay", "a connection that ends within a frame does not disturb others", "issue 2", disconnectMidFrame},
		{"relay", "a connection that ends within a message does not disturb others", "issue 2", disconnectMidMessage},
		{"relay", "a connection that is reset does not disturb others", "issue 2", disconnectByReset},
	}
}

func textToOthers(t *caseRun) {
	ann, ben, cat := t.joinThree()
	ann.sendText("one")
	ben.expectText("one")
	cat.expectText("one")
	ben.sendText("two")
	ann.expectText("two") // and not her own "one" before it
	cat.expectText("two")
	cat.sendText("three")
	ann.expectText("three")
	ben.expectText("three")
}

func binaryToOthers(t *caseRun) {
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	ann, ben, cat := t.joinThree()
	ann.send(binaryFrame(all))
	ben.expect(opBinary, all)
	cat.expect(opBinary, all)
	ben.send(binaryFrame(all[:1]))
	ann.expect(opBinary, all[:1])
	cat.expect(opBinary, all[:1])
}

// textBytes sends what JSON, a template or trimming could change.
func textBytes(t *caseRun) {
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
		ann.sendText(s)
		ben.expectText(s)
	}
}

func order(t *caseRun) {
	ann, ben, cat := t.joinThree()
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

func mixedOrder(t *caseRun) {
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

// oneOrder has three clients send while two receive.
func oneOrder(t *caseRun) {
	ann, ben, cat := t.joinThree()
	dan, eve := t.join("dan"), t.join("eve")
	const each = 50
	for i := range each {
		for _, c := range []*client{ann, ben, cat} {
			c.sendText(fmt.Sprint(c.name, " ", i))
		}
	}
	sent := map[string]int{}
	for range 3 * each {
		e, err := dan.nextMessage()
		if err != nil {
			t.Fatalf("dan receives: %v", err)
		}
		eve.expect(e.opcode, e.payload)
		who, _, _ := strings.Cut(string(e.payload), " ")
		if want := fmt.Sprint(who, " ", sent[who]); string(e.payload) != want {
			t.Fatalf("dan receives %v, want %q", e, want)
		}
		sent[who]++
	}
}

func isolatedRooms(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	for _, other := range []string{t.query() + "x", strings.ToLower(t.query()), t.query() + "%20"} {
		stranger := t.joinWith("stranger", other)
		ann.sendText("inside")
		ben.expectText("inside")
		stranger.sendText("outside")
		stranger.send(binaryFrame([]byte("outside")))
		stranger.closeNormally() // fails if it has received anything
		expectRelay(ben, ann)
	}
}

func aloneInRoom(t *caseRun) {
	ann := t.join("ann")
	ann.sendText("anybody?")
	ann.send(binaryFrame([]byte("anybody?")))
	ann.closeNormally() // fails if it has received its own message
}

// onlyMessages has clients join, leave and send. The server must send no welcome,
// no notice of who joins or leaves, and no receipt.
func onlyMessages(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	cat := t.join("cat")
	ann.sendText("hello")
	ben.expectText("hello")
	cat.expectText("hello")
	cat.closeNormally()
	dan := t.join("dan")
	dan.hangUp()
	ann.sendText("who is there?")
	ben.expectText("who is there?")
	ben.sendText("only me")
	ann.expectText("only me")
}

func controlNotRelayed(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.ping("mine")
	ann.send(pongFrame("unasked"))
	ann.expectPong("mine")
	ann.sendText("after")
	deadline := ben.deadline()
	for {
		e, err := ben.queue.next(deadline)
		switch {
		case err != nil:
			t.Fatalf("ben receives: %v", err)
		case e.opcode == opPong, string(e.payload) == "mine":
			t.Fatalf("ben receives %v", e)
		case e.isMessage():
			expectRelay(ben, ann)
			return
		}
	}
}

func afterLeaving(t *caseRun) {
	ann, ben, cat := t.joinThree()
	ben.closeNormally()
	expectRelay(ann, cat)
	ben = t.join("ben, back again")
	cat.sendText("hello again")
	ben.expectText("hello again") // and nothing that was sent meanwhile
	ann.expectText("hello again")
}

func disconnectMidFrame(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	whole := appendFrames(nil, text(strings.Repeat("never finished ", 40)))
	for _, cut := range []int{1, 3, 7, 100} { // in the head, the length, the mask and the payload
		eve, fay := t.join("eve"), t.join("fay")
		for _, c := range []*client{eve, fay} {
			if err := c.write(whole[:cut]); err != nil {
				t.Fatalf("%s sends: %v", c.name, err)
			}
		}
		eve.disconnect()
		fay.hangUp()
		expectRelay(ann, ben)
	}
}

func disconnectMidMessage(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	eve := t.join("eve")
	eve.send(text("the beginning and ").notFinal(), continuation("the middle").notFinal())
	eve.ping("sent")
	eve.expectPong("sent")
	eve.hangUp()
	expectRelay(ann, ben)

	fay := t.join("fay")
	fay.send(text("begun").notFinal())
	fay.closeNormally() // a close frame may come between fragments
	expectRelay(ann, ben)
}

// disconnectByReset sends RST, which the server sees as an error of the socket.
func disconnectByReset(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	eve := t.join("eve")
	if tcp, ok := eve.conn.(*net.TCPConn); ok {
		if err := tcp.SetLinger(0); err != nil {
			t.Fatalf("set linger: %v", err)
		}
	}
	eve.disconnect()
	expectRelay(ann, ben)
	expectRelay(ben, ann)
}
