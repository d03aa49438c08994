package chat_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
)

// export returns the lines of a hub's export.
func export(t *testing.T, hub *chat.Hub, room string) (lines []string) {
	t.Helper()
	err := hub.Export(t.Context(), room, "", 0, func(line []byte) error {
		lines = append(lines, string(line))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

var anyEpoch = regexp.MustCompile(`"epoch":"[^"]*"`)

func withoutEpochs(lines []string) string {
	return anyEpoch.ReplaceAllString(strings.Join(lines, ""), `"epoch":"…"`)
}

func imports(t *testing.T, hub *chat.Hub, lines []string, want chat.Imported) {
	t.Helper()
	got, err := hub.Import(t.Context(), strings.NewReader(strings.Join(lines, "")))
	if err != nil || got != want {
		t.Fatalf("import: %+v, %v; want %+v", got, err, want)
	}
}

func TestHub_Import_TakesWhatExportGave(t *testing.T) {
	var lines []string
	inBubble(t, chat.Settings{}, nil, func(t *testing.T, b *bubble) {
		c := b.connect().hello(`,"name":"Li","rooms":[{"room":"a"},{"room":"b"}]`)
		for _, room := range []string{"a", "b"} {
			for i := range 700 {
				c.send(fmt.Sprintf(`{"type":"send","room":%q,"key":"k%d","body":{"text":"%d <&> 你好"}}`, room, i, i))
				c.expect(`{"type":"message","seq":` + fmt.Sprint(i+1) + `,"…":"…"}`)
				time.Sleep(time.Second)
			}
		}
		c.send(`{"type":"recall","room":"b","seq":700}`)
		c.expect(`{"type":"recalled","…":"…"}`)
		if _, err := b.hub.Announce(t.Context(), "a", []byte(`"closing"`)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.hub.Recall(t.Context(), "a", 1); err != nil {
			t.Fatal(err)
		}
		c.expect(`{"type":"notice","…":"…"}`, `{"type":"recalled","…":"…"}`)
		lines = export(t, b.hub, "")
		// The hub that it came from knows it all, recalls included.
		imports(t, b.hub, lines, chat.Imported{Lines: 1403, Known: 1403})
	})
	if len(lines) != 1403 {
		t.Fatalf("%d lines", len(lines))
	}
	inBubble(t, chat.Settings{}, nil, func(t *testing.T, b *bubble) {
		c := b.connect().hello(`,"rooms":[{"room":"a"}]`)
		imports(t, b.hub, lines[:100], chat.Imported{Lines: 100, Recorded: 100})
		imports(t, b.hub, lines, chat.Imported{Lines: 1403, Recorded: 1303, Known: 100})
		if got, want := withoutEpochs(export(t, b.hub, "")), withoutEpochs(lines); got != want {
			t.Error("the hub exports something else than was imported")
		}
		for range 702 {
			c.next() // who is there receives them
		}
		c.send(`{"type":"send","room":"a","key":"new","body":"new"}`)
		c.expect(`{"type":"message","seq":703,"…":"…"}`)
	})
}

func TestHub_Import_OfADamagedLine_KeepsWhatCameBefore(t *testing.T) {
	good := func(seq int) string {
		return fmt.Sprintf(`{"epoch":"x","entry":{"type":"message","room":"tea","seq":%d,"at":900000000000,"from":{"id":"u","name":"U"},"body":"secret"}}`, seq)
	}
	third := func(old, new string) string { return strings.Replace(good(3), old, new, 1) }
	for line, why := range map[string]string{
		good(3)[:40]:                            "it is not valid JSON: ",
		"":                                      "JSON ends too early at byte 0",
		"[]":                                    "must be a JSON object",
		good(3) + "{}":                          "more than one value",
		`{"epoch":"x"}`:                         "entry is missing",
		third(`"room"`, `"rum"`):                "entry.rum is not known here",
		third("secret", "se\xffcret"):           "not UTF-8",
		third("message", "shout"):               "type must be",
		third("tea", `t\u0000a`):                "control character",
		third(`:3,`, `:0,`):                     "seq must be from 1",
		third(`:3,`, `:-3,`):                    "entry.seq must be no number -3",
		third(`:3,`, `:9007199254740992,`):      "seq must be from 1",
		third(`:3,`, `:5,`):                     "goes on with entry 3",
		strings.Replace(good(2), "0,", "1,", 1): "another entry with the number 2",
		third(`900000000000`, `800000000000`):   "older than the one before",
		third(`900000000000`, `9000000000000`):  "not in the future",
		third(`"id":"u"`, `"id":""`):            "entry.from: id must be an id",
		third(`"U"`, `"`+strings.Repeat("ü", 65)+`"`):                      "entry.from.name must be at most 64 characters long",
		third(`"body"`, `"key":"`+strings.Repeat("k", 65)+`","body"`):      "entry.key must be a string of at most 64 bytes",
		third(`,"body":"secret"`, ``):                                      "body must be there",
		third(`"body"`, `"recalled":true,"body"`):                          "body must be there",
		third(`"body"`, `"target":1,"body"`):                               "target must be",
		third(`message`, `recalled`):                                       "target must be",
		third(`"secret"`, strings.Repeat("[", 40)+strings.Repeat("]", 40)): "nest",
	} {
		inBubble(t, chat.Settings{}, nil, func(t *testing.T, b *bubble) {
			text := good(1) + "\n" + good(2) + "\n" + line + "\n" + good(3) + "\n"
			done, err := b.hub.Import(t.Context(), strings.NewReader(text))
			if err == nil || !strings.Contains(err.Error(), why) || !strings.HasPrefix(err.Error(), "line 3: ") {
				t.Errorf("%.100q: error %v, want %s", line, err, why)
			} else if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells a body: %v", err)
			}
			if kept := len(export(t, b.hub, "tea")); kept != 2 || done.Lines != 2 {
				t.Errorf("%.100q: %d entries are kept and %d counted, want 2", line, kept, done.Lines)
			}
		})
	}
}

// The line of an import may name the two users of a conversation: then it is the one that
// these two would found.
func TestHub_Import_Direct_IsTheConversationOfTheTwo(t *testing.T) {
	lines := []string{
		`{"entry":{"type":"member","room":{"direct":["dan","cy"]},"seq":1,"at":1,"users":[{"id":"cy"},{"id":"dan"}],"role":"member"}}` + "\n",
		`{"entry":{"type":"message","room":{"direct":["dan","cy"]},"seq":2,"at":2,"from":{"id":"cy","name":"Cy"},"body":{"text":"hi"}}}` + "\n",
		`{"conversation":{"room":{"direct":["dan","cy"]},"version":1,"state":{"size":2},` +
			`"members":[{"id":"cy","name":"Cy","role":"member","since":1},{"id":"dan","role":"member","since":1}]}}` + "\n",
	}
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		imports(t, b.hub, lines, chat.Imported{Lines: 3, Recorded: 3})
		imports(t, b.hub, lines, chat.Imported{Lines: 3, Known: 3})
		c := b.connect().hello(`,"token":"dan"`)
		c.send(`{"type":"create","direct":"cy"}`)
		c.expect(`{"type":"created","room":"$d","duplicate":true}`)
		c.send(`{"type":"list"}`)
		c.expect(`{"type":"list","rows":[{"room":"$d","with":{"id":"cy","name":"Cy"},"unread":1,"…":"…"}],"more":false}`)
	})
	inBubble(t, chat.Settings{}, nil, func(t *testing.T, b *bubble) {
		_, err := b.hub.Import(t.Context(), strings.NewReader(lines[0]))
		if err == nil || !strings.Contains(err.Error(), `line 1: the conversation of "cy" and "dan" has no name here: no policy of the hub says direct`) {
			t.Errorf("without a policy: %v", err)
		}
	})
}

func TestHub_Tail(t *testing.T) {
	inBubble(t, chat.Settings{}, nil, func(t *testing.T, b *bubble) {
		c := b.connect().hello(`,"rooms":[{"room":"tea"}]`)
		say := func(text string) {
			t.Helper()
			c.send(`{"type":"send","room":"tea","body":"` + text + `"}`)
			c.expect(`{"type":"message","…":"…"}`)
		}
		for _, text := range []string{"one", "two", "three"} {
			say(text)
		}
		tail := func(ctx context.Context, newest int, each func(string) error) chan error {
			ended := make(chan error, 1)
			go func() {
				ended <- b.hub.Tail(ctx, "tea", newest, func(line []byte) error { return each(string(line)) })
			}()
			synctest.Wait()
			return ended
		}
		lines := make(chan string, 10)
		ctx, cancel := context.WithCancel(t.Context())
		ended := tail(ctx, 2, func(line string) error { lines <- line; return nil })
		say("four")
		c.send(`{"type":"typing","room":"tea"}`)
		say("five")
		synctest.Wait()
		for _, want := range append(export(t, b.hub, "tea")[1:], "") {
			select {
			case line := <-lines:
				if line != want {
					t.Errorf("the tail has %q, want %q", line, want)
				}
			default:
				if want != "" {
					t.Errorf("the tail ends before %q", want)
				}
			}
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}

		broken := errors.New("pipe is closed")
		ended = tail(t.Context(), 0, func(string) error { return broken })
		say("six")
		if err := <-ended; err != broken {
			t.Errorf("ended with %v", err)
		}

		// A reader that is slower than the room gets everything, in order, from the journal.
		hold, got := make(chan struct{}), make(chan string, 300)
		ctx, cancel = context.WithCancel(t.Context())
		ended = tail(ctx, 1, func(line string) error { <-hold; got <- line; return nil })
		for range 80 {
			say(strings.Repeat("x", 2000)) // counted with some room for the rest
			time.Sleep(time.Second)
		}
		for range 80 {
			if _, err := b.hub.Announce(t.Context(), "tea", []byte(`"`+strings.Repeat("x", 60_000)+`"`)); err != nil {
				t.Fatal(err)
			}
			c.expect(`{"type":"notice","…":"…"}`)
		}
		close(hold)
		for i, want := range export(t, b.hub, "tea")[5:] {
			if line := <-got; line != want {
				t.Fatalf("line %d of the slow reader is %.200q, want %.200q", i, line, want)
			}
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) || len(got) > 0 {
			t.Errorf("ended with %v, %d lines too many", err, len(got))
		}
		if err := b.hub.Tail(t.Context(), "", 0, nil); err == nil {
			t.Error("a room without a name is followed")
		}
		closing := tail(context.Background(), 0, func(string) error { return nil })
		t.Cleanup(func() {
			if err := <-closing; !errors.Is(err, chat.ErrHubClosed) {
				t.Errorf("ended with %v when the hub closed", err)
			}
		})
	})
}
