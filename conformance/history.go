package conformance

import (
	"fmt"
	"strings"
)

func historyCases() []Case {
	return []Case{
		{"history", "the last texts come first, in order", ruleRelay, lastTexts},
		{"history", "nothing comes unless it is asked for", ruleRelay, noHistory},
		{"history", "asking for more than the room has", ruleRelay, moreThanRoomHas},
		{"history", "of an empty room", ruleRelay, emptyHistory},
		{"history", "binary is not in it", ruleRelay, noBinaryInHistory},
		{"history", "it holds what the same client sent before it left", ruleRelay, ownHistory},
		{"history", "it holds texts of every size, byte for byte", ruleRelay, historySizes},
		{"history", "nothing is lost or doubled between it and what is live", ruleRelay, historyThenLive},
	}
}

// queryWithHistory asks for the last n messages too.
func (t *caseRun) queryWithHistory(n int) string {
	return fmt.Sprintf("%s&history=%d", t.query(), n)
}

// recordTexts has ann send n texts. They are in the journal when it returns,
// because ben has received them.
func recordTexts(ann, ben *client, n int) []string {
	ann.tb.Helper()
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprint("text ", i))
		ann.sendText(texts[i])
	}
	ben.expectText(texts...)
	return texts
}

func lastTexts(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	texts := recordTexts(ann, ben, 10)
	for _, n := range []int{1, 3, 10} {
		late := t.joinWith(fmt.Sprint("late, asking for ", n), t.queryWithHistory(n))
		late.expectText(texts[10-n:]...)
		late.ping("no more")
		late.expectPong("no more")
		late.closeNormally()
	}
	expectRelay(ann, ben)
}

func noHistory(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	recordTexts(ann, ben, 5)
	for _, query := range []string{t.query(), t.queryWithHistory(0)} {
		late := t.joinWith("?"+query, query)
		ann.sendText("live")
		ben.expectText("live")
		late.expectText("live")
	}
}

func moreThanRoomHas(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	texts := recordTexts(ann, ben, 5)
	late := t.joinWith("late", t.queryWithHistory(20))
	ann.sendText("live")
	late.expectText(append(texts, "live")...)
}

func emptyHistory(t *caseRun) {
	ann := t.joinWith("ann", t.queryWithHistory(20))
	ben := t.joinWith("ben", t.queryWithHistory(20))
	expectRelay(ann, ben)
}

func noBinaryInHistory(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.send(text("one"), binaryFrame([]byte("no")), text(""), binaryFrame([]byte("no")))
	ann.send(text("three"), binaryFrame([]byte("end")))
	for e := (event{}); string(e.payload) != "end"; {
		var err error
		if e, err = ben.nextMessage(); err != nil {
			t.Fatalf("ben receives: %v", err)
		}
	}
	t.joinWith("three", t.queryWithHistory(3)).expectText("one", "", "three")
	t.joinWith("two", t.queryWithHistory(2)).expectText("", "three")
}

func ownHistory(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.sendText("ann was here")
	ben.expectText("ann was here")
	ann.closeNormally()
	ann = t.joinWith("ann, back again", t.queryWithHistory(1))
	ann.expectText("ann was here")
	expectRelay(ben, ann)
}

func historySizes(t *caseRun) {
	ann, ben := t.join("ann"), t.join("ben")
	var texts []string
	for _, n := range []int{0, 1, 125, 126, 4096, t.target.MaxMessage} {
		texts = append(texts, strings.Repeat("s", n))
	}
	texts = append(texts, "back\\slash \"quoted\" <&> \u2028 你好 \x00")
	for _, s := range texts {
		ann.sendText(s)
		ben.expectText(s)
	}
	t.joinWith("late", t.queryWithHistory(len(texts))).expectText(texts...)
}

// historyThenLive has clients join while another sends without a pause. Each
// must receive everything from the first message on, once.
func historyThenLive(t *caseRun) {
	const before, meanwhile = 50, 200
	ann, ben := t.join("ann"), t.join("ben")
	texts := recordTexts(ann, ben, before)
	for i := range meanwhile {
		texts = append(texts, fmt.Sprint("text ", before+i))
	}
	sent := make(chan error, 1)
	go func() {
		var err error
		for _, s := range texts[before:] {
			if err == nil {
				err = ann.write(text(s).append(nil))
			}
		}
		sent <- err
	}()
	t.Cleanup(func() {
		if err := <-sent; err != nil {
			t.Errorf("ann sends: %v", err)
		}
	})
	for i := range 5 {
		late := t.joinWith(fmt.Sprint("late ", i), t.queryWithHistory(len(texts)))
		late.expectText(texts...)
	}
	ben.expectText(texts[before:]...)
}
