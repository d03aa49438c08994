package chat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// tag sends a tag and returns the answer.
func (c *client) tag(fields string) string {
	c.t.Helper()
	c.send(`{"type":"tag","id":"?","room":"tea",` + fields + `}`)
	for {
		if got := c.any(); strings.Contains(got, `"id":"?"`) {
			return got
		}
	}
}

// recordsOf returns how many records have keys that begin so.
func recordsOf(t *testing.T, j journal.Journal, prefix string) (n int) {
	t.Helper()
	if err := j.Records().Scan(t.Context(), prefix, func(journal.Record) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// The first reason that applies is the answer, in the order of the protocol; and what has
// changed is told, shown in every kind of page, and counts nothing.
func TestTag_Answers_InTheirOrder_AndIsShown(t *testing.T) {
	inBubble(t, chat.Settings{Policies: usual(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
		ben := b.connect().hello(`,"token":"ben","rooms":[{"room":"tea"}]`)
		for i := range 3 {
			ann.send(`{"type":"send","room":"tea","body":1}`)
			ann.expect(fmt.Sprintf(`{"type":"message","seq":%d,"…":"…"}`, i+1))
		}
		ann.send(`{"type":"recall","room":"tea","seq":2}`)
		ann.expect(`{"type":"recalled","seq":4,"…":"…"}`)
		check := func(c *client, fields, want string) {
			t.Helper()
			c.match(want, c.tag(fields))
		}
		no := func(code string) string { return `{"type":"error","id":"?","code":"` + code + `","…":"…"}` }
		same := `{"type":"ok","id":"?","room":"tea","duplicate":true}`
		done := func(seq int) string {
			return fmt.Sprintf(`{"type":"ok","id":"?","room":"tea","seq":%d,"at":"…","duplicate":false}`, seq)
		}
		check(ann, `"seq":9,"tag":"x","value":true`, no("not_found"))
		check(ann, `"seq":2,"tag":"x","value":true`, no("not_found")) // recalled
		check(ann, `"seq":4,"tag":"x","value":true`, no("not_found")) // no message
		check(ann, `"seq":1,"tag":"x","value":false`, same)
		check(ann, `"seq":1,"tag":"x","value":true`, done(5))
		check(ann, `"seq":1,"tag":"x","value":true`, same)
		check(ben, `"seq":1,"tag":"x","value":true`, done(6))
		check(ben, `"seq":1,"tag":"state","value":{"done": 1},"shared":true`, done(7))
		check(ben, `"seq":1,"tag":"state","value":{"done":1},"shared":true`, same)
		check(ben, `"seq":1,"tag":"state","value":{"done":2},"shared":true`, done(8))
		check(ben, `"seq":3,"tag":"pin","value":true,"shared":true`, done(9))
		check(ben, `"seq":1,"tag":"pin","value":true,"shared":true`, done(10))
		check(ann, `"seq":1,"tag":"y","value":true`, done(11))
		check(ann, `"seq":1,"tag":"y","value":false`, done(12))

		tags := `"tags":[{"tag":"state","value":{"done":2}},{"tag":"pin","value":true},{"tag":"x","users":2,"mine":true,"some":["ann","ben"]}]`
		entry := `{"type":"message","room":"tea","seq":1,"at":"…","from":"…","body":1,` + tags + `}`
		ann.send(`{"type":"history","room":"tea","before":2}`)
		for got := ann.any(); ; got = ann.any() {
			if typeOf(got) == "history" {
				ann.match(`{"type":"history","entries":[`+entry+`],"…":"…"}`, got)
				break
			}
		}
		cy := b.connect()
		cy.send(`{"type":"hello","token":"cy","rooms":[{"room":"tea"}]}`)
		cy.expect(`{"type":"welcome","rooms":[{"unread":3,"pins":[1,3],"entries":[` + strings.Replace(entry, `"mine":true`, `"mine":false`, 1) +
			`,{"type":"message","recalled":true,"…":"…"},{"type":"message","seq":3,"tags":[{"tag":"pin","value":true}],"…":"…"},"…"],"…":"…"}],"…":"…"}`)
		check(ben, `"seq":3,"tag":"pin","value":false,"shared":true`, done(13))
		cy.expect(`{"type":"tagged","room":"tea","seq":13,"at":"…","from":{"id":"ben","…":"…"},"target":3,"tag":"pin","value":false,"shared":true}`)

		if recordsOf(t, b.journal, "tag\x00tea\x00") != 4 || recordsOf(t, b.journal, "pin\x00tea\x00") != 1 {
			t.Error("the records are not those of the tags")
		}
		ann.send(`{"type":"recall","id":"?","room":"tea","seq":1}`)
		for got := ann.any(); typeOf(got) != "ok"; {
			got = ann.any()
		}
		if n := recordsOf(t, b.journal, "tag\x00") + recordsOf(t, b.journal, "pin\x00"); n != 0 {
			t.Errorf("a recall has left %d records of tags", n)
		}
	})
}

// Who moderates nothing shares no tags, and who may not write does not tag.
func TestTag_Rights(t *testing.T) {
	set := chat.Settings{Policies: usual(t)}
	set.Policies[0].Moderate = nil
	inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
		ann.send(`{"type":"send","room":"tea","body":1}`)
		ann.expect(`{"type":"message","seq":1,"…":"…"}`)
		ann.match(`{"type":"error","id":"?","code":"forbidden","…":"…"}`, ann.tag(`"seq":9,"tag":"pin","value":true,"shared":true`))
		set := b.hub.Settings()
		set.Policies = usual(t)
		set.Policies[0].Write = nil
		b.hub.Configure(set)
		ann.match(`{"type":"error","id":"?","code":"forbidden","…":"…"}`, ann.tag(`"seq":9,"tag":"x","value":true`))
		if err := b.hub.Mute("tea", "ann", -1); err != nil {
			t.Fatal(err)
		}
		ann.match(`{"type":"error","id":"?","code":"muted","…":"…"}`, ann.tag(`"seq":9,"tag":"x","value":true`))
		ann.send(`{"type":"leave","room":"tea"}`)
		ann.match(`{"type":"error","id":"?","code":"not_joined","…":"…"}`, ann.tag(`"seq":9,"tag":"x","value":true`))
	})
}

// Each number has its limit.
func TestTag_Limits(t *testing.T) {
	set := chat.Settings{Policies: usual(t), MaxSessions: 1000}
	inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
		for i := range 52 {
			ann.send(`{"type":"send","room":"tea","body":1}`)
			ann.expect(fmt.Sprintf(`{"type":"message","seq":%d,"…":"…"}`, i+1))
		}
		full := `{"type":"error","id":"?","code":"too_many","field":"tag","…":"…"}`
		ok := `{"type":"ok","id":"?","seq":"…","duplicate":false,"…":"…"}`
		for i := range 20 {
			ann.match(ok, ann.tag(fmt.Sprintf(`"seq":1,"tag":"t%d","value":true`, i)))
		}
		ann.match(full, ann.tag(`"seq":1,"tag":"one more","value":true`))
		ann.match(full, ann.tag(`"seq":1,"tag":"pin","value":true,"shared":true`))
		ann.match(ok, ann.tag(`"seq":1,"tag":"t0","value":false`))
		ann.match(ok, ann.tag(`"seq":1,"tag":"pin","value":true,"shared":true`))
		for i := 2; i <= 50; i++ {
			ann.match(ok, ann.tag(fmt.Sprintf(`"seq":%d,"tag":"pin","value":true,"shared":true`, i)))
		}
		ann.match(full, ann.tag(`"seq":51,"tag":"pin","value":true,"shared":true`))
		ann.match(ok, ann.tag(`"seq":50,"tag":"pin","value":1,"shared":true`)) // another value is no pin more
		for i := range 100 {
			c := b.connect().hello(fmt.Sprintf(`,"token":"u%d","rooms":[{"room":"tea"}]`, i))
			c.match(ok, c.tag(`"seq":52,"tag":"+","value":true`))
			c.closeNow()
		}
		ann.match(full, ann.tag(`"seq":52,"tag":"+","value":true`))
		ann.send(`{"type":"history","id":"h","room":"tea","after":51,"limit":1}`)
		for got := ann.any(); ; got = ann.any() {
			if typeOf(got) == "history" {
				ann.match(`{"entries":[{"tags":[{"tag":"+","users":100,"mine":false,"some":["u0","u1","u2"]}],"…":"…"}],"…":"…"}`, got)
				break
			}
		}
		if _, err := b.hub.EraseRoom(t.Context(), "tea"); err != nil {
			t.Fatal(err)
		}
		if n := recordsOf(t, b.journal, "tag\x00") + recordsOf(t, b.journal, "pin\x00"); n != 0 {
			t.Errorf("the erased room has left %d records of tags", n)
		}
	})
}
