package conformance

import (
	"fmt"
	"strings"
)

func historyCases() []Case {
	return []Case{
		{"history", "the last texts come first, in order", relayRule, lastTexts},
		{"history", "nothing comes unless it is asked for", relayRule, noHistory},
		{"history", "more than there are", relayRule, moreThanThereAre},
		{"history", "of an empty room", relayRule, historyOfNothing},
		{"history", "binary is not in it", relayRule, noBinaryInHistory},
		{"history", "it holds one's own words of an earlier visit", relayRule, ownHistory},
		{"history", "it holds texts of every size, byte for byte", relayRule, historySizes},
		{"history", "nothing is lost or doubled between it and what is live", relayRule, historyThenLive},
	}
}

// wants is the query of a member who asks for the last n messages.
func (t *trial) wants(n int) string {
	return fmt.Sprintf("%s&history=%d", t.query(), n)
}

// chatter lets ann say n texts that ben hears, so that they are in the journal.
func chatter(ann, ben *client, n int) []string {
	ann.tb.Helper()
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprint("text ", i))
		ann.say(texts[i])
	}
	ben.expectText(texts...)
	return texts
}

func lastTexts(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	texts := chatter(ann, ben, 10)
	for _, n := range []int{1, 3, 10} {
		late := t.joinWith(fmt.Sprint("who wants ", n), t.wants(n))
		late.expectText(texts[10-n:]...)
		late.ping("no more")
		late.expectPong("no more")
		late.leave()
	}
	talk(ann, ben)
}

func noHistory(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	chatter(ann, ben, 5)
	for _, query := range []string{t.query(), t.wants(0)} {
		late := t.joinWith("?"+query, query)
		ann.say("live")
		ben.expectText("live")
		late.expectText("live")
	}
}

func moreThanThereAre(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	texts := chatter(ann, ben, 5)
	late := t.joinWith("late", t.wants(20))
	ann.say("live")
	late.expectText(append(texts, "live")...)
}

func historyOfNothing(t *trial) {
	ann := t.joinWith("ann", t.wants(20))
	ben := t.joinWith("ben", t.wants(20))
	talk(ann, ben)
}

func noBinaryInHistory(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.send(text("one"), binaryFrame([]byte("no")), text(""), binaryFrame([]byte("no")))
	ann.send(text("three"), binaryFrame([]byte("end")))
	for e := (event{}); string(e.payload) != "end"; {
		var err error
		if e, err = ben.nextHeard(); err != nil {
			t.Fatalf("ben listens: %v", err)
		}
	}
	t.joinWith("three", t.wants(3)).expectText("one", "", "three")
	t.joinWith("two", t.wants(2)).expectText("", "three")
}

func ownHistory(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	ann.say("ann was here")
	ben.expectText("ann was here")
	ann.leave()
	ann = t.joinWith("ann, back again", t.wants(1))
	ann.expectText("ann was here")
	talk(ben, ann)
}

func historySizes(t *trial) {
	ann, ben := t.join("ann"), t.join("ben")
	var texts []string
	for _, n := range []int{0, 1, 125, 126, 4096, t.target.MaxMessage} {
		texts = append(texts, strings.Repeat("s", n))
	}
	texts = append(texts, "back\\slash \"quoted\" <&> \u2028 你好 \x00")
	for _, s := range texts {
		ann.say(s)
		ben.expectText(s)
	}
	t.joinWith("late", t.wants(len(texts))).expectText(texts...)
}

// historyThenLive has members join while somebody speaks without a pause: each
// must hear everything from its first message on, once.
func historyThenLive(t *trial) {
	const before, meanwhile = 50, 200
	ann, ben := t.join("ann"), t.join("ben")
	texts := chatter(ann, ben, before)
	for i := range meanwhile {
		texts = append(texts, fmt.Sprint("text ", before+i))
	}
	speaking := make(chan error, 1)
	go func() {
		var err error
		for _, s := range texts[before:] {
			if err == nil {
				err = ann.write(text(s).append(nil))
			}
		}
		speaking <- err
	}()
	t.Cleanup(func() {
		if err := <-speaking; err != nil {
			t.Errorf("ann speaks: %v", err)
		}
	})
	for i := range 5 {
		late := t.joinWith(fmt.Sprint("late ", i), t.wants(len(texts)))
		late.expectText(texts...)
	}
	ben.expectText(texts[before:]...)
}
