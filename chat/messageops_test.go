package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
)

// A message says what it replies to, whom it mentions and that it is quiet: live, in
// pages, over HTTP, and to nobody who speaks raw.
func TestSend_ReplyMentionsQuiet_AreShownEverywhere(t *testing.T) {
	set := chat.Settings{Policies: usual(t)}
	set.Policies[0].Moderate = nil
	inBubbleWith(t, set, tokens{}, alone, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
		ben := b.connect().hello(`,"token":"ben","rooms":[{"room":"tea"}]`)
		ann.send(`{"type":"send","room":"tea","body":"one"}`)
		ann.expect(`{"type":"message","seq":1,"…":"…"}`)
		ann.send(`{"type":"send","room":"tea","key":"k","reply":1,"mentions":["ben","cy"],"quiet":true,"body":"two"}`)
		two := `{"type":"message","room":"tea","seq":2,"at":"…","from":{"id":"ann","…":"…"},"key":"k","reply":1,"mentions":["ben","cy"],"quiet":true,"body":"two"}`
		ann.expect(two)
		ben.expect(`{"type":"message","room":"tea","seq":1,"at":"…","from":"…","body":"one"}`, two)
		ben.send(`{"type":"history","room":"tea","after":1}`)
		ben.expect(`{"type":"history","room":"tea","epoch":"…","entries":[` + two + `],"more":false}`)

		for frame, want := range map[string]string{
			`"reply":3,"body":1`:        `"not_found"`,
			`"mentions":["*"],"body":1`: `"forbidden","field":"mentions"`,
		} {
			ann.send(`{"type":"send","id":"1","room":"tea",` + frame + `}`)
			ann.expect(`{"type":"error","id":"1","code":` + want + `,"…":"…"}`)
		}
		p := &place{bubble: b, room: "tea"}
		for body, want := range map[string]string{
			`{"body":1,"reply":9}`:                                       "not_found",
			`{"body":1,"mentions":["*"]}`:                                "forbidden",
			`{"body":1,"mentions":[""]}`:                                 "bad_frame",
			`{"body":"three","reply":2,"mentions":["ben"],"quiet":true}`: "",
		} {
			if got := p.request("POST", body); got != want {
				t.Errorf("POST %s: %q, want %q", body, got, want)
			}
		}
		ann.expect(`{"type":"message","room":"tea","seq":3,"at":"…","from":"…","reply":2,"mentions":["ben"],"quiet":true,"body":"three"}`)

		ann.send(`{"type":"recall","room":"tea","seq":2}`)
		ann.expect(`{"type":"recalled","…":"…"}`)
		ann.send(`{"type":"history","room":"tea","after":1,"limit":1}`)
		ann.expect(`{"type":"history","entries":[{"type":"message","room":"tea","seq":2,"at":"…","from":"…","key":"k","reply":1,"quiet":true,"recalled":true}],"…":"…"}`)
	})
}

// Raw clients get the text alone.
func TestSend_ReplyMentionsQuiet_LeaveRawClientsAlone(t *testing.T) {
	inQueryBubble(t, chat.Settings{}, func(t *testing.T, b *bubble) {
		b.query = "room=tea"
		raw := b.connectRaw()
		ann := b.connect().hello(`,"name":"Ann","rooms":[{"room":"tea"}]`)
		synctest.Wait()
		ann.send(`{"type":"send","room":"tea","mentions":["ben"],"quiet":true,"body":"hush"}`)
		if got := raw.any(); got != "hush" {
			t.Errorf("the raw client got %q", got)
		}
	})
}

// What is quiet is shown and raises no count: neither for who comes, nor in the list.
func TestSend_Quiet_RaisesNoUnread(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		g := ann.create(`"key":"k","users":["ben"]`)
		ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
		ann.expect(`{"type":"joined","…":"…"}`)
		for i, quiet := range []string{"false", "true", "true", "false", "true"} {
			ann.send(fmt.Sprintf(`{"type":"send","room":%q,"quiet":%s,"body":1}`, g, quiet))
			ann.expect(fmt.Sprintf(`{"type":"message","seq":%d,"…":"…"}`, i+2))
		}
		ben := b.connect()
		ben.send(fmt.Sprintf(`{"type":"hello","token":"ben","list":{},"rooms":[{"room":%q}]}`, g))
		ben.expect(fmt.Sprintf(`{"type":"welcome","rooms":[{"last":6,"unread":2,"…":"…"}],"list":{"unread":2,"rows":[{"room":%q,"count":2,"unread":2,`+
			`"entry":{"seq":5,"…":"…"},"…":"…"}],"…":"…"},"…":"…"}`, g))
		ben.send(fmt.Sprintf(`{"type":"read","id":"1","room":%q,"seq":2}`, g))
		ben.expectAround(`{"type":"ok","id":"1","room":"…","seq":2,"unread":1}`, `{"type":"row","read":2,"unread":1,"…":"…"}`)
	})
}

// A row says which message mentions the user, until it is read; and only members have
// rows. Everybody is mentioned by moderators alone.
func TestList_Mention_IsTheNewestUnread(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		g := ann.create(`"key":"k","users":["ben","cy"]`)
		ben := b.connect().openList("ben")
		cy := b.connect().hello(`,"token":"cy"`)
		for _, c := range []*client{ann, cy} {
			c.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
			c.expect(`{"type":"joined","…":"…"}`)
		}
		say := func(c *client, fields string) {
			c.send(fmt.Sprintf(`{"type":"send","id":"s","room":%q,%s,"body":"x"}`, g, fields))
			for got := c.any(); typeOf(got) != "ok" && typeOf(got) != "error"; {
				got = c.any()
			}
			time.Sleep(2 * time.Second)
		}
		row := func(want string) {
			t.Helper()
			ben.send(fmt.Sprintf(`{"type":"list","id":"l","rooms":[%q]}`, g))
			for {
				if got := ben.any(); typeOf(got) == "list" {
					ben.match(`{"type":"list","id":"l","rows":[`+want+`],"more":false}`, got)
					return
				}
			}
		}
		say(ann, `"mentions":["ben","dee"]`)
		ben.expectAround(`{"type":"row","mention":2,"read":1,"unread":1,"…":"…"}`, `{"type":"head","…":"…"}`)
		say(ann, `"mentions":["cy"]`)
		row(`{"mention":2,"unread":2,"last":3,"…":"…"}`)
		say(cy, `"mentions":["*"]`) // is no moderator
		row(`{"mention":2,"last":3,"…":"…"}`)
		say(ann, `"mentions":["*"]`)
		row(`{"mention":4,"unread":3,"…":"…"}`)
		ben.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
		ben.send(fmt.Sprintf(`{"type":"read","room":%q,"seq":4}`, g))
		time.Sleep(time.Second)
		ben.send(fmt.Sprintf(`{"type":"list","id":"l","rooms":[%q]}`, g))
		for {
			if got := ben.any(); typeOf(got) == "list" {
				if strings.Contains(got, `"mention":`) {
					t.Errorf("what was read is still mentioned: %s", got)
				}
				break
			}
		}
		// Who was mentioned without being a member is not when they become one.
		ann.send(fmt.Sprintf(`{"type":"member","room":%q,"users":["dee"],"role":"member"}`, g))
		time.Sleep(time.Second)
		dee := b.connect()
		dee.send(`{"type":"hello","token":"dee","list":{}}`)
		if got := dee.any(); strings.Contains(got, `"mention":`) || !strings.Contains(got, g) {
			t.Errorf("dee lists %s", got)
		}
	})
}

// A message that was recalled mentions nobody any more: the row says which one before it
// does, if that is not read, and the user is told so.
func TestList_Mention_GoesWithItsMessage(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		g := ann.create(`"key":"k","users":["ben"]`)
		ben := b.connect().openList("ben")
		ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
		ann.expect(`{"type":"joined","…":"…"}`)
		do := func(frame string) {
			t.Helper()
			if got := ann.ask(frame); got != "" {
				t.Fatalf("%s: %s", frame, got)
			}
			time.Sleep(2 * time.Second)
		}
		for _, mentions := range []string{`["ben"]`, `["ann"]`, `["ben"]`, `["*"]`, `["ben"]`} { // 2 to 6
			do(fmt.Sprintf(`{"type":"send","id":"?","room":%q,"mentions":%s,"body":"x"}`, g, mentions))
		}
		ben.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
		ben.send(fmt.Sprintf(`{"type":"read","id":"r","room":%q,"seq":2}`, g))
		time.Sleep(2 * time.Second)
		rowNow := func(c *client) string { // the newest that was told
			row := ""
			for {
				select {
				case got := <-c.frames:
					if typeOf(string(got)) == "row" {
						row = string(got)
					}
				default:
					return row
				}
			}
		}
		ben.match(`{"type":"row","mention":6,"read":2,"…":"…"}`, rowNow(ben))
		for _, c := range []struct {
			recall int
			want   string
		}{{6, `"mention":5,`}, {3, ""}, {5, `"mention":4,`}, {4, "none"}} {
			do(fmt.Sprintf(`{"type":"recall","id":"?","room":%q,"seq":%d}`, g, c.recall))
			ben.send(fmt.Sprintf(`{"type":"list","id":"l","rooms":[%q]}`, g))
			row, listed := "", ""
			for listed == "" {
				switch got := ben.any(); typeOf(got) {
				case "row":
					row = got
				case "list":
					listed = got
				}
			}
			ben.send(`{"type":"ping"}`)
			ben.until("pong") // until then its list is not told of what changes, and of a row later
			switch {
			case c.want == "": // somebody else was mentioned
				if row != "" {
					t.Errorf("recall of %d: %s", c.recall, row)
				}
			case c.want == "none":
				if row == "" || strings.Contains(row+listed, `"mention":`) {
					t.Errorf("recall of %d: %s, %s", c.recall, row, listed)
				}
			default:
				if !strings.Contains(row, c.want) || !strings.Contains(listed, c.want) {
					t.Errorf("recall of %d: %s, %s, want %s", c.recall, row, listed, c.want)
				}
			}
		}
	})
}
