package chat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// What is edited, tagged, pinned, answered and mentioned is the same after an export and
// an import, for who reads the room and for who lists it; and a second import finds that
// it knows everything.
func TestTransfer_CarriesWhatMessagesHave(t *testing.T) {
	set := chat.Settings{Policies: chatApp(t)}
	unhurried(&set)
	url, from := serve(t, chat.Config{Settings: set, Journal: memjournal.New(memjournal.Options{})}, &chat.Handler{Auth: tokens{}})
	ann := dialV1(t, url).hello(`,"token":"ann"`)
	g := ann.create(`"key":"k","users":["ben","cy"]`)
	for i, frame := range []string{
		`"join"`, `"send","body":"one"`, `"send","reply":2,"mentions":["ben","zoe"],"quiet":true,"body":"two"`, `"edit","seq":2,"body":"uno"`,
		`"tag","seq":2,"tag":"👍","value":true`, `"tag","seq":3,"tag":"pin","value":{"by":"ann"},"shared":true`, `"send","mentions":["*"],"body":"three"`,
		`"tag","seq":7,"tag":"x","value":true`, `"send","body":"four"`, `"edit","seq":9,"body":"quattro"`, `"recall","seq":9`,
	} {
		ann.send(fmt.Sprintf(`{"type":%s,"id":"%d","room":%q}`, frame, i, g))
		for got := ann.next(); !strings.Contains(got, fmt.Sprintf(`"id":"%d"`, i)); {
			got = ann.next()
		}
	}
	url2, to := serve(t, chat.Config{Settings: set, Journal: memjournal.New(memjournal.Options{})}, &chat.Handler{Auth: tokens{}})
	lines := export(t, from, "")
	imports(t, to, lines, chat.Imported{Lines: len(lines), Recorded: len(lines)})
	imports(t, to, lines, chat.Imported{Lines: len(lines), Known: len(lines)})
	if got, want := withoutEpochs(export(t, to, "")), withoutEpochs(lines); got != want {
		t.Errorf("exported again:\n%s\nwant\n%s", got, want)
	}
	see := func(url string) string {
		ben := dialV1(t, url)
		ben.send(fmt.Sprintf(`{"type":"hello","id":"h","token":"ben","list":{},"rooms":[{"room":%q}]}`, g))
		welcome := anyEpoch.ReplaceAllString(ben.next(), "")
		_, rooms, _ := strings.Cut(welcome, `"rooms":`)
		before, _, _ := strings.Cut(rooms, `"list":`)
		_, rows, _ := strings.Cut(rooms, `"rows":`)
		return strings.Replace(before, `"members":2`, `"members":1`, 1) + rows // ann is in the first hub
	}
	want, got := see(url), see(url2)
	if got != want {
		t.Errorf("imported:\n%s\nwant\n%s", got, want)
	}
	for _, part := range []string{`"body":"uno","edited":4,"tags":[{"tag":"👍"`, `"reply":2,"mentions":["ben","zoe"],"quiet":true`, `"pins":[3]`, `"value":{"by":"ann"}`, `"mention":7`} {
		if !strings.Contains(want, part) {
			t.Errorf("there is no %s in %s", part, want)
		}
	}
}
