package command_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestCommand_LooksAndModerates(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, testcaddy.BasicAuth+"chat {\nauth caddy\nping_interval 1h\n}") // beside load ann, who reads only now and then, would miss two pings
	url := "ws://" + s.Plain + "/chat"
	ann := s.V1(url, testcaddy.As("ann"), `,"rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, ann, "welcome")
	do := func(want string, args ...string) {
		t.Helper()
		out, err := testcaddy.Command(t, admin, args...)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("chat %s: %v\n%s\nwant %s in it", strings.Join(args, " "), err, out, want)
		}
	}
	do("HUB      CONNECTIONS  SESSIONS  ROOMS  ENTRIES  HEALTH\ndefault  1            1         1      0        ok", "hubs")
	do("ROOM  SESSIONS\ntea   1", "rooms")
	do(" ann   ann   chat.v1  127.0.0.1", "sessions", "--room", "tea")
	do(`{"rooms":[{"name":"tea","sessions":1}]}`, "rooms", "--json")
	do("announced in tea, as number 1", "announce", "tea", "closing at ten")
	testcaddy.Until(t, ann, `"notice"`, `"closing at ten"`)
	do("announced in 1 room", "announce", "--all", "closed")
	testcaddy.Until(t, ann, `"notice"`, `"closed"`)
	do(`{"rooms":1}`, "announce", "--json", "--all", "closed for good")
	testcaddy.Say(t, ann, `{"type":"send","room":"tea","key":"k","body":"oops"}`)
	testcaddy.Until(t, ann, `"oops"`)
	do("recalled message 4 of tea", "recall", "tea", "4")
	testcaddy.Until(t, ann, `"recalled"`)
	do("muted ann in tea for 10m, until ", "mute", "ann", "--room", "tea", "--for", "10m")
	testcaddy.Until(t, ann, `"muted"`)
	do("mute  ann   tea   20", "sanctions")
	do("ann is no longer muted in tea", "unmute", "ann", "--room", "tea")
	do("none", "sanctions")
	do("kicked ann; 1 session ended", "kick", "ann")
	testcaddy.Until(t, ann, `"kicked"`)
}

// Every command about a hub that is closed says why.
func TestCommand_OfAClosedHub_SaysWhy(t *testing.T) {
	_, admin := testcaddy.StartAdmin(t, "chat {\njournal pebble /dev/null/closed\n}")
	out, err := testcaddy.Command(t, admin, "hubs")
	if err != nil || !strings.Contains(out, "closed: ") || !strings.Contains(out, "not a directory") {
		t.Errorf("hubs: %v\n%s", err, out)
	}
	for _, args := range []string{"rooms", "sessions", "sanctions", "kick ann", "announce --all hello", "recall tea 1", "history tea", "tail tea", "erase-room tea --yes", "erase-user ann --yes", "unban ann", "export", "backup /x", "compact"} {
		out, err := testcaddy.Command(t, admin, strings.Fields(args)...)
		if err == nil || !strings.Contains(out, `hub "default" is closed: `) || !strings.Contains(out, "not a directory") {
			t.Errorf("%s: %v\n%s", args, err, out)
		}
	}
}

func TestCommand_ExportAndBackup(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, "chat")
	for _, room := range []string{"tea", "coffee"} {
		c := s.V1("ws://"+s.Plain+"/chat", nil, `,"rooms":[{"room":"`+room+`"}]`)
		for _, body := range []string{"one", "two", "three"} {
			testcaddy.Say(t, c, `{"type":"send","room":"`+room+`","body":"`+body+`"}`)
			testcaddy.Until(t, c, `"type":"message"`, body)
		}
	}
	export := func(args ...string) (list []string) {
		t.Helper()
		out, err := testcaddy.Command(t, admin, append([]string{"export", "--json"}, args...)...)
		if err != nil {
			t.Fatal(err, out)
		}
		for line := range strings.Lines(out) {
			var l struct {
				Epoch string
				Entry struct{ Room, Body string }
			}
			if err := json.Unmarshal([]byte(line), &l); err != nil || l.Epoch == "" {
				t.Fatalf("%s: %v", line, err)
			}
			list = append(list, l.Entry.Room+" "+l.Entry.Body)
		}
		return list
	}
	for args, want := range map[string]string{
		"":                     "tea one, tea two, tea three, coffee one, coffee two, coffee three",
		"--room tea":           "tea one, tea two, tea three",
		"--room tea --after 2": "tea three",
		"--from tea --after 1": "tea two, tea three, coffee one, coffee two, coffee three",
		"--from coffee":        "coffee one, coffee two, coffee three",
	} {
		if got := strings.Join(export(strings.Fields(args)...), ", "); got != want {
			t.Errorf("export %s: %s, want %s", args, got, want)
		}
	}
	dir := filepath.Join(t.TempDir(), "backup")
	if out, err := testcaddy.Command(t, admin, "backup", dir); err != nil {
		t.Fatal(err, out)
	}
	if out, err := testcaddy.Command(t, admin, "backup", dir); err == nil || !strings.Contains(out, dir) {
		t.Errorf("a second time: %v %s", err, out)
	}
	if out, err := testcaddy.Command(t, admin, "compact"); err != nil {
		t.Error(err, out)
	}
	s.Restart("chat {\njournal pebble " + dir + "\n}")
	if got := export("--room", "tea"); len(got) != 3 {
		t.Errorf("the backup has %v", got)
	}
}

// What an export of a damaged journal lacks is told, and so are hubs and a backup of it.
func TestCommand_DamagedJournal_IsTold(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, "chat")
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"rooms":[{"room":"tea"}]`)
	for i := range 50 {
		testcaddy.Say(t, c, fmt.Sprintf(`{"type":"send","room":"tea","body":"%s %d"}`, strings.Repeat("long ", 100), i))
		testcaddy.Until(t, c, `"type":"message"`)
	}
	if out, err := testcaddy.Command(t, admin, "compact"); err != nil {
		t.Fatal(err, out)
	}
	dir := filepath.Join(t.TempDir(), "backup")
	if out, err := testcaddy.Command(t, admin, "backup", dir); err != nil || strings.Contains(out, "Warning") {
		t.Fatal(err, out)
	}
	for _, table := range glob(t, filepath.Join(dir, "*.sst")) {
		b, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		b[1] ^= 4
		if err := os.WriteFile(table, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Restart("chat {\njournal pebble " + dir + "\n}")
	for range 2 {
		out, err := testcaddy.Command(t, admin, "export")
		if err == nil || !strings.Contains(out, "and not all: ") || !strings.Contains(out, "the journal is damaged") {
			t.Errorf("export: %v %.200s", err, out)
		}
	}
	if out, err := testcaddy.Command(t, admin, "hubs"); err != nil || !strings.Contains(out, "see below") || !strings.Contains(out, ".sst is damaged") {
		t.Errorf("hubs: %v %s", err, out)
	}
	if out, err := testcaddy.Command(t, admin, "backup", filepath.Join(t.TempDir(), "again")); err != nil || !strings.Contains(out, "Warning: ") {
		t.Errorf("backup: %v %s", err, out)
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatal(pattern, err)
	}
	return files
}

func TestCommand_Token_IsTaken(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, "chat {\nauth jwt {\nsecret \""+testcaddy.JWTSecret+"\"\n}\n}")
	token, err := testcaddy.Command(t, admin, "token", "u7", "--name", "Li", "--claim", "role=staff")
	if err != nil {
		t.Fatal(err, token)
	}
	testcaddy.Hears(t, s.V1("ws://"+s.Plain+"/chat", nil, `,"token":"`+strings.TrimSpace(token)+`"`), `"user":{"id":"u7","name":"Li"}`)
}

// What an operator is shown is what clients show, and who has said it: a guest may have the id of a user as
// a name, and a body more fields than text.
func TestCommand_History_ShowsWhoAndWhat(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, "chat {\njournal memory\n}")
	c := s.V1("ws://"+s.Plain+"/chat", nil, `,"name":"u9","rooms":[{"room":"tea"}]`)
	for _, body := range []string{`{"text":"bad","TEXT":"good"}`, `{"Text":"good","text":"bad"}`, `{"text":"bad","Text":5}`} {
		testcaddy.Say(t, c, `{"type":"send","room":"tea","body":`+body+`}`)
		testcaddy.Until(t, c, `"type":"message"`)
	}
	out, err := testcaddy.Command(t, admin, "history", "tea")
	if n := len(regexp.MustCompile(`(?m)  u9 \(guest-\w+\): bad$`).FindAllString(out, -1)); err != nil || n != 3 {
		t.Errorf("%v\n%s", err, out)
	}
}

// Entries that say something of a message or of the members are shown with what they say.
func TestCommand_History_ShowsWhatEntriesSay(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, testcaddy.BasicAuth+"chat {\nauth caddy\njournal memory\npolicy g-* {\nread members\nwrite members\ncreate users\n}\npolicy * {\nread users\nwrite users\n}\n}")
	c := s.V1("ws://"+s.Plain+"/chat", testcaddy.As("ann"), `,"rooms":[{"room":"tea"}]`)
	testcaddy.Hears(t, c, "welcome")
	for _, frame := range []string{
		`{"type":"send","id":"1","room":"tea","body":"hello"}`,
		`{"type":"edit","id":"2","room":"tea","seq":1,"body":"hullo"}`,
		`{"type":"tag","id":"3","room":"tea","seq":1,"tag":"z","value":true}`,
		`{"type":"create","id":"4","key":"k","policy":"g-*","title":"Trip","users":["ben"]}`,
	} {
		testcaddy.Say(t, c, frame)
		testcaddy.Until(t, c, `"id":"`+frame[strings.Index(frame, `"id":"`)+6:][:1]+`"`, "")
	}
	var g string
	testcaddy.Eventually(t, "the conversation to be listed", func() bool {
		g = regexp.MustCompile(`g-\w+`).FindString(run(t, admin, "export").out)
		return g != ""
	})
	for room, want := range map[string][]string{
		"tea": {"1  ann: hullo", "2  ann: [edited message 1] hullo", "3  ann: [tagged message 1] z true"},
		g:     {"1  ann: [member] member ben"},
	} {
		out, err := testcaddy.Command(t, admin, "history", room)
		for _, line := range want {
			if err != nil || !strings.Contains(out, line+"\n") {
				t.Errorf("history %s: %v\n%swant %q", room, err, out, line)
			}
		}
	}
}
