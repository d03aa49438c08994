package conformance

// exchange is a case of which only the data differ: what one member sends, and
// what comes of it. Two more members of its room, who talk before and after,
// must hear nothing else.
type exchange struct {
	name string // in plain words
	rule string
	send []frame

	heard []event  // what the other members hear of it
	pongs []string // what the sender gets back, in order

	// codes are those with one of which the server must close, and then hang up.
	// None: the sender stays a member like any other.
	codes []uint16

	// segment is how many bytes a write holds. 0: all of them.
	segment int
}

func exchanges(group string, table []exchange) []Case {
	var cases []Case
	for _, x := range table {
		cases = append(cases, Case{group, x.name, x.rule, x.run})
	}
	return cases
}

func (x exchange) run(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	talk(ann, ben)
	speaker := t.join("speaker")
	ann.say("listen")
	ben.expectText("listen")
	speaker.expectText("listen")

	x.speak(speaker, ben)
	for _, want := range x.pongs {
		speaker.expectPong(want)
	}
	if len(x.codes) > 0 {
		speaker.expectFailed(x.codes...)
	}
	for _, e := range x.heard {
		ann.expect(e.opcode, e.payload)
		ben.expect(e.opcode, e.payload)
	}
	talk(ann, ben)
	if len(x.codes) == 0 {
		speaker.expectText("from ann", "from ben") // and not its own words before
		speaker.say("still here")
		ann.expectText("still here")
		ben.expectText("still here")
	}
}

// speak sends everything. Between segments somebody else twice exchanges a word
// with the server, which therefore had the time to read each by itself: else it
// would find them put together again.
func (x exchange) speak(speaker, other *client) {
	other.tb.Helper()
	if x.segment == 0 {
		speaker.sendAnyway(x.send...)
		return
	}
	speaker.sendInSegments(x.segment, func() {
		for range 2 {
			other.ping("read it?")
			other.expectPong("read it?")
		}
	}, x.send...)
}

func hear(s string) []event          { return []event{{opText, []byte(s)}} }
func hearBinary(b []byte) []event    { return []event{{opBinary, b}} }
func closed(code ...uint16) []uint16 { return code }
