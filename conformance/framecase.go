package conformance

// frameCase is a case of which only the data differ: the frames that one client,
// the sender, sends, and what follows. Two more clients are in the room. They
// exchange texts before and after, and must receive nothing but what is listed.
type frameCase struct {
	name string // what the case is about
	rule string
	send []frame

	relayed []event  // what the other clients receive
	pongs   []string // what the sender receives, in this order

	// codes: the server must close with one of them and then end the
	// connection. None: the sender stays in the room.
	codes []uint16

	// segment is how many bytes each write holds. 0: all of them.
	segment int
}

func frameCases(group string, table []frameCase) []Case {
	var cases []Case
	for _, x := range table {
		cases = append(cases, Case{group, x.name, x.rule, x.run})
	}
	return cases
}

func (x frameCase) run(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	expectRelay(ann, ben)
	sender := t.join("sender")
	ann.sendText("begin")
	ben.expectText("begin")
	sender.expectText("begin")

	x.sendFrames(sender, ben)
	for _, want := range x.pongs {
		sender.expectPong(want)
	}
	if len(x.codes) > 0 {
		sender.expectCloseAndEnd(x.codes...)
	}
	for _, e := range x.relayed {
		ann.expect(e.opcode, e.payload)
		ben.expect(e.opcode, e.payload)
	}
	expectRelay(ann, ben)
	if len(x.codes) == 0 {
		sender.expectText("from ann", "from ben") // and none of its own messages before
		sender.sendText("still here")
		ann.expectText("still here")
		ben.expectText("still here")
	}
}

// sendFrames sends everything. Between segments, another client sends two pings
// and waits for their pongs. The server has had time meanwhile to read each
// segment by itself; without a pause it would read several in one call.
func (x frameCase) sendFrames(sender, other *client) {
	other.tb.Helper()
	if x.segment == 0 {
		sender.trySend(x.send...)
		return
	}
	sender.sendInSegments(x.segment, func() {
		for range 2 {
			other.ping("read it?")
			other.expectPong("read it?")
		}
	}, x.send...)
}

func relayedText(s string) []event       { return []event{{opText, []byte(s)}} }
func relayedBinary(b []byte) []event     { return []event{{opBinary, b}} }
func closeCodes(code ...uint16) []uint16 { return code }

// letters returns n bytes of text in which a lost or repeated piece is seen.
func letters(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte((i+i/26+i/1009)%26)
	}
	return b
}
