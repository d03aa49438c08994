package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func to[T any](v T) *T { return &v }

// conversationCommands is as clientFrames, of conversations.
var conversationCommands = []struct {
	frame Command
	want  string
}{
	{&Hello{List: &ListFrom{}}, `{"type":"hello","list":{}}`},
	{&Hello{List: &ListFrom{Since: "s", Limit: 9}}, `{"type":"hello","list":{"since":"s","limit":9}}`},
	{&Create{ID: "1", Key: "k", Pattern: "g-*", Title: "Trip", Avatar: "https://x/y", About: "a\nb", Users: []string{"u7", "u8"}},
		`{"type":"create","id":"1","key":"k","pattern":"g-*","title":"Trip","avatar":"https://x/y","about":"a\nb","users":["u7","u8"]}`},
	{&Create{Room: "g-1", Owner: "u7"}, `{"type":"create","room":"g-1","owner":"u7"}`},
	{&Create{Direct: "u7"}, `{"type":"create","direct":"u7"}`},
	{&SetMembers{"2", "team", []string{"u7"}, "admin"}, `{"type":"member","id":"2","room":"team","users":["u7"],"role":"admin"}`},
	{&ListMembers{"3", "team", "u7", 5}, `{"type":"members","id":"3","room":"team","after":"u7","limit":5}`},
	{&ListMembers{Room: "team"}, `{"type":"members","room":"team"}`},
	{&SetInfo{"4", "team", to("Rome"), to(""), to("a"), to(false)},
		`{"type":"info","id":"4","room":"team","title":"Rome","avatar":"","about":"a","closed":false}`},
	{&SetInfo{Room: "team"}, `{"type":"info","room":"team"}`},
	{&List{ID: "5", Next: "n", Limit: 5}, `{"type":"list","id":"5","next":"n","limit":5}`},
	{&List{Rooms: []string{"team"}}, `{"type":"list","rooms":["team"]}`},
	{&SetRow{"6", "team", to(false), to(true), to(true), to(false), true},
		`{"type":"set","id":"6","room":"team","notify":false,"top":true,"hide":true,"block":false,"clear":true}`},
	{&SetRow{Room: "team"}, `{"type":"set","room":"team"}`},
}

var (
	hi   = Entry{Kind: journal.Message, Room: "team", Seq: 2, At: 3, From: li, Body: []byte(`1`)}
	full = Row{
		Room: "team", Title: "Trip", Avatar: "https://x/y", Closed: true, Size: 2, Epoch: "k3", Last: 2, At: 3, Count: 1, Entry: &hi, Cut: true,
		Role: "member", With: &li, Read: 1, Unread: 1, Mention: 2, Notify: true, Top: true, Hidden: true, Block: true,
	}
)

const (
	fullRow = `"room":"team","title":"Trip","avatar":"https://x/y","closed":true,"size":2,"epoch":"k3","last":2,"at":3,"count":1,` +
		`"entry":{"type":"message","room":"team","seq":2,"at":3,"from":{"id":"u7","name":"Li"},"body":1},"cut":true,` +
		`"role":"member","with":{"id":"u7","name":"Li"},"read":1,"unread":1,"mention":2,"notify":true,"top":true,"hidden":true,"block":true}`
	bareWelcome = `{"type":"welcome","session":"","at":0,"user":{"id":"u7","name":""},"ping":0,` +
		`"limits":{"message":0,"text":0,"page":0,"rooms":0,"recall":0,"edit":0},"rooms":[],`
)

// conversationFrames is as serverFrames, of conversations.
var conversationFrames = []struct {
	frame Frame
	want  string
}{
	{&Created{"1", "team", true}, `{"type":"created","id":"1","room":"team","duplicate":true}`},
	{&MemberList{"2", "team", []MemberOf{{li, "owner", 1, 2}, {User: li}}, 2, true},
		`{"type":"members","id":"2","room":"team","users":[{"user":{"id":"u7","name":"Li"},"role":"owner","since":1,"read":2},{"user":{"id":"u7","name":"Li"},"role":"","since":0}],"size":2,"more":true}`},
	{&Entry{Kind: journal.Member, Room: "team", Seq: 1, At: 3, From: li,
		Body: (&Members{[]User{{ID: "u8"}}, "member", &li, "Trip", "https://x/y", "a"}).Append(nil)},
		`{"type":"member","room":"team","seq":1,"at":3,"from":{"id":"u7","name":"Li"},"users":[{"id":"u8","name":""}],"role":"member",` +
			`"owner":{"id":"u7","name":"Li"},"title":"Trip","avatar":"https://x/y","about":"a"}`},
	{&Entry{Kind: journal.Member, Room: "team", Seq: 1, At: 3, Body: (&Members{Role: "none"}).Append(nil)},
		`{"type":"member","room":"team","seq":1,"at":3,"users":[],"role":"none"}`},
	{&Entry{Kind: journal.Info, Room: "team", Seq: 1, At: 3, From: li, Body: (&Info{"Trip", "", "", true}).Append(nil)},
		`{"type":"info","room":"team","seq":1,"at":3,"from":{"id":"u7","name":"Li"},"title":"Trip","avatar":"","about":"","closed":true}`},
	{&Entry{Kind: journal.Info, Room: "team", Seq: 1, At: 3, Body: (&Info{}).Append(nil)},
		`{"type":"info","room":"team","seq":1,"at":3,"title":"","avatar":"","about":"","closed":false}`},
	{&Joined{Room: Room{Name: "team", Members: 1, Conversation: &Conversation{Info{"Trip", "https://x/y", "a", true}, "none", 2, &li}}},
		`{"type":"joined","room":"team","epoch":"","last":0,"entries":[],"more":false,"gap":false,"members":1,"read":0,"unread":0,"write":false,` +
			`"moderate":false,"title":"Trip","avatar":"https://x/y","about":"a","closed":true,"role":"none","size":2,"with":{"id":"u7","name":"Li"}}`},
	{&full, `{"type":"row",` + fullRow},
	{&Row{Room: "team", Gone: true}, `{"type":"row","room":"team","gone":true}`},
	{&Rows{"3", []Row{full}, "n", true}, `{"type":"list","id":"3","rows":[{` + fullRow + `],"next":"n","more":true}`},
	{&Rows{}, `{"type":"list","rows":[],"more":false}`},
	{&Welcome{User: User{ID: "u7"}, List: &Listed{"now", true, true, []Row{{Room: "team", Gone: true}}, "n", 4}},
		bareWelcome + `"list":{"at":"now","all":true,"live":true,"rows":[{"room":"team","gone":true}],"next":"n","more":true,"unread":4}}`},
	{&Welcome{User: User{ID: "u7"}, List: &Listed{}}, bareWelcome + `"list":{"at":"","all":false,"live":false,"rows":[],"more":false}}`},
	{&Head{"team", 2, 3, 1, &hi, true, &HeadInfo{"Rome", "https://x/y", true, 3}}, `{"type":"head","room":"team","last":2,"at":3,"count":1,` +
		`"entry":{"type":"message","room":"team","seq":2,"at":3,"from":{"id":"u7","name":"Li"},"body":1},"cut":true,` +
		`"title":"Rome","avatar":"https://x/y","closed":true,"size":3}`},
	{&Seen{"team", "u7", 2}, `{"type":"seen","room":"team","user":"u7","seq":2}`},
	{&Erased{"team", "u7"}, `{"type":"erased","room":"team","user":"u7"}`},
	{&Head{Room: "team"}, `{"type":"head","room":"team","last":0,"at":0,"count":0}`},
}

// What is there and empty is not taken for absent.
func TestDecode_Create_EmptyFields(t *testing.T) {
	for _, field := range []string{"key", "pattern", "room", "owner", "direct"} {
		frame := `{"type":"create","id":"1","key":"k","` + field + `":""}`
		if field == "key" {
			frame = `{"type":"create","id":"1","room":"g-1","key":""}`
		}
		_, err := Decode([]byte(frame))
		if e, ok := err.(*Error); !ok || e.Field != field {
			t.Errorf("%s: %v", frame, err)
		}
	}
}

// What a conversation is called, and how many users a command names, has bounds.
func TestDecode_Conversation_Bounds(t *testing.T) {
	ids := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, `"u`+strings.Repeat("x", i)+`"`)
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	x := func(n int) string { return `"` + strings.Repeat("é", n) + `"` }
	url := func(n int) string { return `"https://` + strings.Repeat("x", n-8) + `"` }
	for _, c := range []struct{ field, fits, over string }{
		{"title", x(MaxTitle), x(MaxTitle + 1)},
		{"about", x(MaxAbout), x(MaxAbout + 1)},
		{"avatar", url(MaxAvatar), url(MaxAvatar + 1)},
		{"users", ids(MaxUsers), ids(MaxUsers + 1)},
	} {
		for _, frame := range []string{`{"type":"create","key":"k",`, `{"type":"info","room":"g",`, `{"type":"member","room":"g","role":"member",`} {
			if strings.Contains(frame, "info") == (c.field == "users") || strings.Contains(frame, "member") && c.field != "users" {
				continue
			}
			if _, err := Decode([]byte(frame + `"` + c.field + `":` + c.fits + `}`)); err != nil {
				t.Errorf("%s %s: %v", frame, c.field, err)
			}
			_, err := Decode([]byte(frame + `"` + c.field + `":` + c.over + `}`))
			if e, ok := err.(*Error); !ok || e.Code != BadFrame || e.Field != c.field {
				t.Errorf("%s %s, too much: %v", frame, c.field, err)
			}
		}
	}
}

// A text that is there and empty is not taken for one that is missing.
func TestDecode_EmptyText_IsRefused(t *testing.T) {
	for frame, field := range map[string]string{
		`{"type":"create","room":"g","owner":"%s"}`:              "owner",
		`{"type":"create","room":"g","key":"%s"}`:                "key",
		`{"type":"create","key":"k","pattern":"%s"}`:             "pattern",
		`{"type":"create","direct":"%s"}`:                        "direct",
		`{"type":"members","room":"g","after":"%s"}`:             "after",
		`{"type":"list","next":"%s"}`:                            "next",
		`{"type":"send","room":"g","key":"%s","body":1}`:         "key",
		`{"type":"edit","room":"g","seq":1,"key":"%s","body":1}`: "key",
		`{"type":"hello","device":"%s"}`:                         "device",
		`{"type":"join","room":"g","epoch":"%s","after":1}`:      "epoch",
		`{"type":"renew","token":"%s"}`:                          "token",
	} {
		if _, err := Decode([]byte(strings.Replace(frame, "%s", "x", 1))); err != nil {
			t.Errorf("%s: %v", frame, err)
		}
		_, err := Decode([]byte(strings.Replace(frame, "%s", "", 1)))
		if e := new(Error); !errors.As(err, &e) || e.Code != BadFrame || e.Field != field {
			t.Errorf("%s with an empty text: %v", frame, err)
		}
	}
}

// The name of a room says which policy applies: another pattern beside it would be ignored.
func TestDecode_CreatePatternBesideRoom_IsRefused(t *testing.T) {
	for _, key := range []string{"", `,"key":"k"`} {
		_, err := Decode([]byte(`{"type":"create","room":"g-1","pattern":"g-*"` + key + `}`))
		if e := new(Error); !errors.As(err, &e) || e.Code != BadFrame || e.Field != "pattern" {
			t.Errorf("create%s: %v", key, err)
		}
	}
}

// No field takes an id that no user has, whatever the command.
func TestDecode_UserID_IsOneThatAUserCanHave(t *testing.T) {
	for frame, field := range map[string]string{
		`{"type":"create","direct":%s}`:                            "direct",
		`{"type":"create","room":"g","owner":%s}`:                  "owner",
		`{"type":"create","key":"k","users":[%s]}`:                 "users[0]",
		`{"type":"member","room":"g","role":"admin","users":[%s]}`: "users[0]",
		`{"type":"members","room":"g","after":%s}`:                 "after",
		`{"type":"send","room":"g","body":1,"mentions":[%s]}`:      "mentions[0]",
		`{"type":"mute","user":%s}`:                                "user",
		`{"type":"kick","user":%s}`:                                "user",
		`{"type":"ban","room":"g","user":%s,"for":0}`:              "user",
	} {
		for _, id := range []string{`"\u0007x"`, `"\u0000"`, `"\u0085"`, `"x\n"`, `""`, `"` + strings.Repeat("x", MaxUser+1) + `"`} {
			_, err := Decode([]byte(fmt.Sprintf(frame, id)))
			if e, ok := err.(*Error); !ok || e.Code != BadFrame || e.Field != field {
				t.Errorf("%s with %s: %v", frame, id, err)
			}
		}
		if _, err := Decode([]byte(fmt.Sprintf(frame, `"u 7 é"`))); err != nil {
			t.Errorf("%s: %v", frame, err)
		}
	}
}

// A long body is cut to its own type and text, whatever else it has.
func TestShortened(t *testing.T) {
	long := strings.Repeat("x", MaxRowBody)
	for body, want := range map[string]string{
		`{"text":"said","TEXT":"forged","type":"t","Type":"recalled","x":"` + long + `"}`: `{"type":"t","text":"said"}`,
		`{"text":"said","Text":5,"type":5,"x":"` + long + `"}`:                            `{"text":"said"}`,
		`{"te\u0078t":"<\u0061>","text2":"` + long + `","x":{"text":"deep"}}`:             `{"text":"<a>"}`,
		`{"text":7,"x":"` + long + `"}`:                                                   `{"text":""}`,
		`["` + long + `"]`:                                                                `{}`,
		`"` + long + `"`:                                                                  `"` + strings.Repeat("x", rowChars) + `"`,
		`{"x":1}`:                                                                         `{"x":1}`,
	} {
		if got, cut := Shortened([]byte(body), false); string(got) != want || cut != (len(body) > MaxRowBody) {
			t.Errorf("%.80s: %s, %v, want %s", body, got, cut, want)
		}
	}
}
