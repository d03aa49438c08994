package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/wire/script"
)

// The tests of this file compare PROTOCOL.md with this package.

func protocol(t *testing.T) string {
	t.Helper()
	p, err := os.ReadFile("../../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// part returns the text under a heading, up to the next heading of its level.
func part(t *testing.T, text, heading string) string {
	t.Helper()
	_, text, ok := strings.Cut(text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("PROTOCOL.md has no %q", heading)
	}
	level, _, _ := strings.Cut(heading, " ")
	for l := level; len(l) > 1; l = l[1:] {
		text, _, _ = strings.Cut(text, "\n"+l+" ")
	}
	return text
}

// rows returns the cells of the first table in a text, without its header.
func rows(text string) [][]string {
	var list [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if list != nil {
				break
			}
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), " |") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		list = append(list, cells)
	}
	return list[min(2, len(list)):]
}

func TestProtocol_Codes(t *testing.T) {
	got := map[string]string{}
	for _, row := range rows(part(t, protocol(t), "## Errors and goodbyes")) {
		got[strings.Trim(row[0], "`")] = strings.Join(row[1:4], " ")
	}
	for c := range Codes() {
		retry, closing, status := "false", "", ""
		if c.Retry() >= 0 {
			retry = fmt.Sprint(c.Retry().Milliseconds())
		}
		if c.Close() > 0 {
			closing = fmt.Sprint(c.Close())
		}
		if c.Status() > 0 {
			status = fmt.Sprint(c.Status())
		}
		if want := strings.Join([]string{retry, closing, status}, " "); got[c.String()] != want {
			t.Errorf("%v: documented %q, want %q", c, got[c.String()], want)
		}
		delete(got, c.String())
	}
	if len(got) > 0 {
		t.Errorf("documented, but missing here: %v", got)
	}
}

func TestProtocol_Limits(t *testing.T) {
	got := map[string]string{}
	for _, row := range rows(part(t, protocol(t), "## Limits and times")) {
		for name := range strings.SplitSeq(row[0], ", ") {
			got[name] = row[1]
		}
	}
	want := map[string]string{
		"`id`":                                 fmt.Sprintf("%d bytes", MaxID),
		"`key`":                                fmt.Sprintf("%d bytes", MaxKey),
		"`device`":                             fmt.Sprintf("%d bytes", MaxDevice),
		"`epoch`":                              fmt.Sprintf("%d bytes", MaxEpoch),
		"`room`":                               fmt.Sprintf("1–%d bytes, no control characters", MaxRoom),
		"a user's `id`":                        fmt.Sprintf("%d bytes", MaxUser),
		"`name`":                               fmt.Sprintf("%d characters", MaxName),
		"`title`":                              fmt.Sprintf("%d characters", MaxTitle),
		"`about`":                              fmt.Sprintf("%d characters", MaxAbout),
		"`next`":                               fmt.Sprintf("%d bytes", MaxNext),
		"`since`":                              fmt.Sprintf("%d bytes", MaxNext),
		"`avatar`":                             fmt.Sprintf("%d bytes", MaxAvatar),
		"`token`":                              fmt.Sprintf("%d bytes", MaxToken),
		"rooms in `hello`":                     fmt.Sprint(MaxHelloRooms),
		"`seq`":                                fmt.Sprint(uint64(MaxSeq)),
		"`for`":                                fmt.Sprintf("%d ms", MaxFor.Milliseconds()),
		"depth of JSON":                        fmt.Sprint(MaxDepth),
		"length of a number":                   fmt.Sprintf("%d characters", MaxNumber),
		"`tag`":                                fmt.Sprintf("%d characters", MaxTag),
		"different tags of a message":          "20",
		"users with the same tag at a message": "100",
		"pins of a room":                       "50",
		"`mentions`":                           fmt.Sprintf("%d ids", MaxMentions),
		"rows in an answer":                    fmt.Sprint(MaxRows),

		"users in a list or a command": fmt.Sprint(MaxUsers),
		"bytes of a body in a row":     fmt.Sprint(MaxRowBody),
	}
	if !maps.Equal(got, want) {
		t.Errorf("documented %v\nwant       %v", got, want)
	}
}

// shape is which members an object may have and which it always has.
type shape struct{ may, must map[string]bool }

func (s shape) String() string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.may)) {
		if s.must[name] {
			name = "**" + name + "**"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// shapes are the shapes of frames by their type, and of parts of frames by their
// name, as far as examples show them.
type shapes map[string]shape

// parts are the names of parts of frames, by the members whose values they are.
var parts = map[string]string{
	"from": "user", "users": "user", "joined": "user", "left": "user", "with": "user", "owner": "user",
	"rows": "row", "list": "the list",
}

// add adds an example. name is its name if it has no type.
func (s shapes) add(name string, v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			s.add(name, e)
		}
	case map[string]any:
		if typ, ok := v["type"].(string); ok {
			name = typ
		}
		members := map[string]bool{}
		for member, value := range v {
			if member != "type" && member != "id" || v["type"] == nil {
				members[member] = true
			}
			switch name := parts[member]; {
			case name == "user" && v["type"] == "members":
				s.add("of members", value)
			case name != "":
				s.add(name, value)
			case member != "body":
				s.add(member, value)
			}
		}
		s.merge(name, members)
	}
}

// merge adds an example with these members.
func (s shapes) merge(name string, members map[string]bool) {
	known, ok := s[name]
	if !ok {
		s[name] = shape{members, maps.Clone(members)}
		return
	}
	maps.Copy(known.may, members)
	maps.DeleteFunc(known.must, func(m string, _ bool) bool { return !members[m] })
}

func shapesOf(t *testing.T, frames ...string) shapes {
	t.Helper()
	s := shapes{}
	for _, frame := range frames {
		var v any
		if err := json.Unmarshal([]byte(frame), &v); err != nil {
			t.Fatal(err)
		}
		s.add("", v)
	}
	return s
}

func clientShapes(t *testing.T) shapes {
	var frames []string
	for _, c := range slices.Concat(clientFrames, conversationCommands) {
		frames = append(frames, c.want)
	}
	return shapesOf(t, frames...)
}

func serverShapes(t *testing.T) shapes {
	var frames []string
	for _, c := range slices.Concat(serverFrames, conversationFrames) {
		frames = append(frames, c.want)
	}
	return shapesOf(t, frames...)
}

// documentedShape reads a table of fields.
func documentedShape(text string) shape {
	s := shape{map[string]bool{}, map[string]bool{}}
	for _, row := range rows(text) {
		name := strings.Trim(row[0], "*`")
		s.may[name] = true
		if strings.HasPrefix(row[0], "**") {
			s.must[name] = true
		}
	}
	return s
}

func TestProtocol_Fields(t *testing.T) {
	text := protocol(t)
	client, server := clientShapes(t), serverShapes(t)
	check := func(heading string, want shapes, names ...string) {
		section := part(t, text, heading)
		for _, name := range names {
			got := documentedShape(part(t, section, "### `"+name+"`"))
			if got.String() != want[name].String() {
				t.Errorf("%s, %s:\ndocumented %v\nwant       %v", heading, name, got, want[name])
			}
		}
	}
	check("## What a client says", client, "hello", "join", "leave", "send", "history", "edit", "tag", "recall", "typing", "read", "who",
		"ping", "renew", "mute", "kick", "ban", "create", "member", "members", "info", "list", "set")
	check("## What a server says", server, "welcome", "ok", "error", "message", "edited", "tagged", "recalled", "notice", "history", "presence",
		"typing", "read", "who", "pong", "expiring", "muted", "removed", "bye", "member", "info", "created", "members", "list", "head", "seen", "erased")

	section := part(t, text, "## Parts of frames")
	for heading, want := range map[string]shape{
		"### place": client["rooms"], "### user": server["user"], "### limits": server["limits"], "### room state": server["joined"],
		"### row": server["row"],
	} {
		if got := documentedShape(part(t, section, heading)); got.String() != want.String() {
			t.Errorf("%s:\ndocumented %v\nwant       %v", heading, got, want)
		}
	}
}

func conversations(t *testing.T) []script.Conversation {
	t.Helper()
	list, err := script.Parse([]byte(protocol(t)))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 15 {
		t.Fatalf("only %d conversations", len(list))
	}
	return list
}

// nextFrame returns the text of the next step on the connection of step i.
func nextFrame(c script.Conversation, i int) string {
	for _, s := range c.Steps[i+1:] {
		if s.Conn == c.Steps[i].Conn {
			return s.Text
		}
	}
	return ""
}

var anyName = regexp.MustCompile(`"\$([A-Za-z0-9]+)"`)

func TestProtocol_Examples_ClientFrames_AreDecodedAsDocumented(t *testing.T) {
	for _, c := range conversations(t) {
		for i, s := range c.Steps {
			if s.Dialect != "chat.v1" || s.Action != script.Say {
				continue
			}
			_, err := Decode([]byte(anyName.ReplaceAllString(s.Text, `"$1"`)))
			answer := struct{ Type, ID, Code, Field string }{}
			// A pattern need not be a frame: the fields that can be read suffice.
			_ = json.Unmarshal([]byte(nextFrame(c, i)), &answer)
			refused := slices.Contains([]string{"bad_frame", "bad_room", "unknown_type"}, answer.Code)
			var e *Error
			switch {
			case !errors.As(err, &e) && refused:
				t.Errorf("line %d: is decoded, but answered with %s", s.Line, answer.Code)
			case e != nil && (e.Code.String() != answer.Code || e.ID != answer.ID || e.Field != answer.Field):
				t.Errorf("line %d: answered with %+v, want %s", s.Line, answer, e.Append(nil))
			}
		}
	}
}

func TestProtocol_Examples_ServerFrames_HaveTheirFields(t *testing.T) {
	known := serverShapes(t)
	for _, c := range conversations(t) {
		for _, s := range c.Steps {
			if s.Dialect != "chat.v1" || s.Action != script.Hear && s.Action != script.HearAnyOrder {
				continue
			}
			for name, got := range shapesOf(t, s.Text) {
				checkShape(t, s.Line, name, got, known)
			}
		}
	}
}

func checkShape(t *testing.T, line int, name string, got shape, known shapes) {
	want, ok := known[name]
	if !ok {
		if name != "entries" { // elements whose type the example leaves out
			t.Errorf("line %d: %q is not known", line, name)
		}
		return
	}
	open := got.may["…"]
	for member := range got.may {
		if !want.may[member] && member != "…" {
			t.Errorf("line %d: %s has no %q", line, name, member)
		}
	}
	for member := range want.must {
		if !got.may[member] && !open {
			t.Errorf("line %d: %s without %q", line, name, member)
		}
	}
}
