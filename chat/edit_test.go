package chat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// The first reason that applies is the answer, in the order of the protocol.
func TestEdit_Answers_InTheirOrder(t *testing.T) {
	set := chat.Settings{Policies: usual(t), MaxText: 10}
	inBubble(t, set, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
		mo := b.connect().hello(`,"token":"mo","rooms":[{"room":"tea"}]`)
		edit := func(c *client, fields, want string) {
			t.Helper()
			c.send(`{"type":"edit","id":"?",` + fields + `}`)
			for {
				if got := c.any(); strings.Contains(got, `"id":"?"`) {
					c.match(want, got)
					return
				}
			}
		}
		no := func(code string) string {
			return `{"type":"error","id":"?","code":"` + code + `","message":"…","retry":false}`
		}
		ann.send(`{"type":"send","room":"tea","key":"a","body":"one"}`)
		ann.send(`{"type":"send","room":"tea","key":"b","body":"two"}`)
		ann.send(`{"type":"recall","id":"2","room":"tea","seq":2}`)
		for got := ann.any(); typeOf(got) != "ok"; {
			got = ann.any()
		}
		long := `"01234567890"`
		edit(ann, `"room":"other","seq":9,"body":`+long, no("not_joined"))
		edit(ann, `"room":"tea","seq":9,"body":`+long, no("not_found"))
		edit(ann, `"room":"tea","seq":2,"body":1`, no("not_found")) // recalled
		edit(ann, `"room":"tea","seq":3,"body":1`, no("not_found")) // the recall
		edit(mo, `"room":"tea","seq":1,"body":`+long, no("forbidden"))
		edit(ann, `"room":"tea","seq":1,"body":`+long, no("text_too_long"))
		edit(ann, `"room":"tea","seq":1,"key":"e","body":"uno"`, `{"type":"ok","id":"?","room":"tea","seq":4,"at":"$at","duplicate":false}`)
		edit(ann, `"room":"tea","seq":1,"key":"e","body":"dos"`, `{"type":"ok","id":"?","room":"tea","seq":4,"at":"$at","duplicate":true}`)
		edit(ann, `"room":"tea","seq":1,"key":"a","body":"dos"`, `{"type":"ok","id":"?","room":"tea","seq":1,"at":"…","duplicate":true}`)
		time.Sleep(16 * time.Minute)
		edit(ann, `"room":"tea","seq":1,"body":`+long, no("too_late"))
		edit(ann, `"room":"tea","seq":1,"key":"e","body":"uno"`, `{"type":"ok","id":"?","room":"tea","seq":4,"at":"$at","duplicate":true}`)
		ann.send(`{"type":"history","room":"tea","limit":9}`)
		ann.expect(`{"type":"history","entries":[{"type":"message","room":"tea","seq":1,"at":"…","from":"…","key":"a","body":"uno","edited":4},` +
			`"…"],"…":"…"}`)
		if err := b.hub.Mute("tea", "ann", time.Hour); err != nil {
			t.Fatal(err)
		}
		ann.expect(`{"type":"muted","…":"…"}`)
		edit(ann, `"room":"tea","seq":9,"body":1`, `{"type":"error","id":"?","code":"muted","…":"…"}`)
	})
}

// An edit is heard by everybody who is there, changes the head of lists, and raises no
// count; nor does a recall lower one.
func TestEdit_IsTold_AndCountsNothing(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		g := ann.create(`"key":"k","users":["ben","cy"]`)
		in := func(c *client, frame string) { c.send(fmt.Sprintf(frame, g)) }
		in(ann, `{"type":"join","room":%q}`)
		ann.expect(`{"type":"joined","…":"…"}`)
		ben := b.connect().openList("ben")
		in(ann, `{"type":"send","room":%q,"reply":1,"mentions":["ben"],"body":"tomorow"}`)
		ann.expect(`{"type":"message","seq":2,"…":"…"}`)
		ben.expectAround(`{"type":"row","mention":2,"unread":1,"…":"…"}`, `{"type":"head","last":2,"count":1,"entry":{"body":"tomorow","…":"…"},"…":"…"}`)
		cy := b.connect().hello(`,"token":"cy"`) // joins after the message
		in(cy, `{"type":"join","room":%q}`)
		cy.expect(`{"type":"joined","unread":1,"…":"…"}`)
		in(ann, `{"type":"edit","room":%q,"seq":2,"body":"tomorrow"}`)
		edited := `{"type":"edited","room":"…","seq":3,"at":"…","from":{"id":"ann","…":"…"},"target":2,"body":"tomorrow"}`
		ann.expect(edited)
		cy.expect(edited)
		ben.expect(`{"type":"head","last":3,"count":1,"entry":{"type":"message","seq":2,"reply":1,"mentions":["ben"],"body":"tomorrow","edited":3,"…":"…"},"…":"…"}`)
		again := b.connect()
		again.send(fmt.Sprintf(`{"type":"hello","token":"cy","list":{},"rooms":[{"room":%q}]}`, g))
		again.expect(`{"type":"welcome","rooms":[{"last":3,"unread":1,"…":"…"}],"list":{"unread":1,"…":"…"},"…":"…"}`)
		in(ann, `{"type":"recall","room":%q,"seq":2}`)
		again.expect(`{"type":"recalled","…":"…"}`)
		in(cy, `{"type":"read","id":"1","room":%q,"seq":1}`)
		cy.expectAround(`{"type":"ok","id":"1","seq":1,"unread":1,"…":"…"}`, `{"type":"recalled","…":"…"}`)
		in(cy, `{"type":"history","room":%q,"after":1}`)
		cy.expect(`{"type":"history","entries":[{"type":"message","recalled":true,"…":"…"},` +
			`{"type":"edited","room":"…","seq":3,"at":"…","from":"…","target":2},{"type":"recalled","…":"…"}],"…":"…"}`)
	})
}

// view is what a client that follows the protocol shows of a room.
type view struct {
	epoch string
	last  uint64
	texts map[uint64]string
}

// take takes entries, as a client does: nothing twice, and no edit of what is recalled.
func (v *view) take(frames ...json.RawMessage) {
	for _, frame := range frames {
		var e struct {
			Type        string
			Seq, Target uint64
			Recalled    bool
			Body        *string
		}
		if json.Unmarshal(frame, &e) != nil || e.Seq <= v.last {
			continue
		}
		v.last = e.Seq
		switch {
		case e.Type == "message" && e.Recalled:
			v.texts[e.Seq] = "recalled"
		case e.Type == "message":
			v.texts[e.Seq] = *e.Body
		case e.Type == "recalled":
			v.texts[e.Target] = "recalled"
		case e.Type == "edited" && e.Body != nil && v.texts[e.Target] != "recalled":
			v.texts[e.Target] = *e.Body
		}
	}
}

// come joins tea where the client was, and takes what it has missed.
func (v *view) come(t *testing.T, url string) *client {
	c := dialV1(t, url)
	c.send(fmt.Sprintf(`{"type":"hello","token":"ben","rooms":[{"room":"tea","epoch":%q,"after":%d}]}`, v.epoch, v.last))
	var welcome struct {
		Rooms []struct {
			Gap, More bool
			Entries   []json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(c.next()), &welcome); err != nil || len(welcome.Rooms) != 1 || welcome.Rooms[0].Gap || welcome.Rooms[0].More {
		t.Fatalf("%v: %+v", err, welcome)
	}
	v.take(welcome.Rooms[0].Entries...)
	return c
}

// Whoever leaves at any point between messages, two edits and a recall, and comes back at
// any later one by another node, has the same texts in the end.
func TestEdit_ResumeAtEveryPoint_EndsWithTheSameTexts(t *testing.T) {
	store := memjournal.NewStore(memjournal.Options{})
	set := chat.Settings{MaxSessions: 100}
	unhurried(&set)
	var urls [2]string
	for node := range urls {
		urls[node], _ = serve(t, chat.Config{Settings: set, Journal: store.Open()}, &chat.Handler{Auth: tokens{}})
	}
	steps := []string{
		`"send","room":"tea","body":"a"`, `"send","room":"tea","body":"b"`, `"edit","room":"tea","seq":1,"body":"a2"`,
		`"edit","room":"tea","seq":2,"body":"b2"`, `"send","room":"tea","body":"c"`, `"edit","room":"tea","seq":1,"body":"a3"`,
		`"recall","room":"tea","seq":1`, `"edit","room":"tea","seq":5,"body":"c2"`,
	}
	ann := dialV1(t, urls[0])
	ann.send(`{"type":"hello","token":"ann","rooms":[{"room":"tea"}]}`)
	ann.expect(`{"type":"welcome","rooms":[{"epoch":"$epoch","…":"…"}],"…":"…"}`)
	epoch := ann.vars["epoch"].(string)
	type reader struct {
		view
		from, to int
		*client
	}
	var there, away, back []*reader
	for step, frame := range append(steps, "") {
		for to := step; to <= len(steps); to++ { // who is there until now, and comes back then
			r := &reader{view: view{epoch: epoch, texts: map[uint64]string{}}, from: step, to: to}
			there = append(there, r)
			r.client = r.come(t, urls[step%2])
		}
		for i, r := range there {
			if r.client != nil && r.from == step {
				r.closeNow()
				away, there[i].client = append(away, r), nil
			}
		}
		for _, r := range away {
			if r.to == step {
				r.client = r.come(t, urls[(step+1)%2])
				back = append(back, r)
			}
		}
		if frame == "" {
			break
		}
		ann.send(`{"type":` + strings.Replace(frame, ",", `,"id":"x",`, 1) + `}`)
		for got := ann.next(); typeOf(got) != "ok"; {
			got = ann.next()
		}
		for _, r := range back { // they are live
			for r.last < uint64(step+1) {
				r.take(json.RawMessage(r.next()))
			}
		}
	}
	want := map[uint64]string{1: "recalled", 2: "b2", 5: "c2"}
	for _, r := range back {
		if !maps.Equal(r.texts, want) {
			t.Errorf("away from %d to %d: %v, want %v", r.from, r.to, r.texts, want)
		}
	}
	if n := len(back); n != 45 {
		t.Errorf("%d have come back", n)
	}
}

// No body that was edited or recalled is left in any file after compaction, be it of a
// conversation or of another room.
func TestEdit_LeavesNoOldBodyInAnyFile(t *testing.T) {
	dir := t.TempDir()
	set := chat.Settings{Policies: chatApp(t)}
	unhurried(&set)
	url, hub := serve(t, chat.Config{Settings: set, Journal: pebbleIn(t, dir)}, &chat.Handler{Auth: tokens{}})
	ann := dialV1(t, url).hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
	do := func(frame string) {
		ann.send(`{"type":` + frame + `,"id":"x"}`)
		for got := ann.next(); typeOf(got) != "ok"; {
			got = ann.next()
		}
	}
	group := ann.create(`"key":"k","title":"Trip","users":["ben"]`)
	if code := ann.ask(fmt.Sprintf(`{"type":"join","id":"?","room":%q}`, group)); code != "" {
		t.Fatal(code)
	}
	const messages = 40
	for room, first := range map[string]int{"tea": 1, group: 2} { // a conversation begins with its founding
		for i := range messages {
			do(fmt.Sprintf(`"send","room":%q,"key":"k%d","mentions":["ben"],"body":"first secret %d"`, room, i, i))
		}
		for i := range messages {
			do(fmt.Sprintf(`"edit","room":%q,"seq":%d,"body":"second secret %d"`, room, i+first, i))
			do(fmt.Sprintf(`"edit","room":%q,"seq":%d,"body":"third text %d"`, room, i+first, i))
		}
		for i := range messages / 2 {
			do(fmt.Sprintf(`"recall","room":%q,"seq":%d`, room, i+first))
		}
	}
	if err := hub.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if inFiles(t, dir, "third text") == 0 {
		t.Error("what is kept is in no file: the search finds nothing")
	}
	for _, gone := range []string{"first secret", "second secret", "third text 7"} {
		if n := inFiles(t, dir, gone); n > 0 {
			t.Errorf("%q is still in %d files", gone, n)
		}
	}
}

// inFiles returns how many files below dir have a text.
func inFiles(t *testing.T, dir, text string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		p, err := os.ReadFile(path)
		if bytes.Contains(p, []byte(text)) {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
